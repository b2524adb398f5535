"""Which of the document's five scenarios a method is nearest to: measured evidence, a stated rule, odds.

`evidence` measures, `rule` judges, and `likelihoods.json` holds what evidence is worth, counted on planted methods that
are each scenario by construction. No model judges, and no reward imports this.
"""
