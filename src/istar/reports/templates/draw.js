"use strict";
// Draws every figure in the colours of the page, again when the page turns dark or light.
(function () {
  const figures = Array.from(document.querySelectorAll(".figure")).map(function (element) {
    return { element: element, figure: JSON.parse(element.querySelector("script").textContent) };
  });

  function coloured(layout) {
    const style = getComputedStyle(document.documentElement);
    const ink = style.getPropertyValue("--ink").trim();
    const soft = style.getPropertyValue("--soft").trim();
    const line = style.getPropertyValue("--line").trim();
    const card = style.getPropertyValue("--card").trim();
    const result = Object.assign({}, layout, {
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: ink, family: getComputedStyle(document.body).fontFamily, size: 13 },
      hoverlabel: { bgcolor: card, bordercolor: line, font: { color: ink } },
    });
    const axes = ["xaxis", "yaxis"].concat("yaxis2" in layout ? ["yaxis2"] : []);
    axes.forEach(function (axis) {
      const title = Object.assign({}, (layout[axis] || {}).title, { font: { color: soft, size: 13 } });
      result[axis] = Object.assign(
        { gridcolor: line, zerolinecolor: line, linecolor: line, automargin: false },
        layout[axis],
        { title: title }
      );
    });
    result.shapes = (layout.shapes || []).map(function (shape) {
      return Object.assign({}, shape, { line: Object.assign({ color: soft }, shape.line) });
    });
    return result;
  }

  function draw() {
    figures.forEach(function (each) {
      Plotly.react(each.element, each.figure.data, coloured(each.figure.layout), {
        responsive: true,
        displaylogo: false,
        displayModeBar: false,
      });
    });
  }

  draw();
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
})();
