"""`istar cache`: what istar keeps on this machine, and dropping it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from istar.cli.app import SUCCESS, command, group, output, print_json, table
from istar.cli.options import AsJson

if TYPE_CHECKING:
    from istar.storage.survey import Usage

cache = group(
    "cache",
    "Show what istar keeps on this machine, by kind, and drop what nobody needs. The environment variable "
    "ISTAR_CACHE_BYTES bounds the cache (32GiB where it is not set; 0 keeps nothing); what was not used for longest "
    "goes first.",
    "istar cache",
    "istar cache prune --unused-for 30",
)


@cache.default
def show(*, as_json: AsJson = False) -> int:
    """Show what is kept: of each kind how many, their size, and when they were last used."""
    from istar.paths import home
    from istar.storage.bound import bound
    from istar.storage.survey import survey

    most, found = bound(), survey()
    held = sum(each.bytes for each in found if each.role == "cache")
    if as_json:
        print_json({"folder": str(home()), "bound": most, "bytes": held, "kinds": [usage_json(each) for each in found]})
        return SUCCESS
    output.tell(f"{home()} holds {size(held)} of at most {size(most)} (ISTAR_CACHE_BYTES)\n")
    shown = table("Kept", "kind", ">entries", ">size", "oldest use", "newest use", "what")
    for each in found:
        about = each.about if each.role == "cache" else f"{each.about} ({each.role})"
        shown.add_row(each.kind, str(each.entries), size(each.bytes), day(each.oldest), day(each.newest), about)
    output.show(shown)
    return SUCCESS


@command(
    "istar cache prune",
    "istar cache prune --to 5GB --dry-run",
    "istar cache prune --kind streams --unused-for 7",
    of=cache,
)
def prune(
    *,
    kind: Annotated[
        list[str] | None,
        Parameter(help="A kind to drop; may be repeated. All but data if none is named.", negative=""),
    ] = None,
    to: Annotated[str | None, Parameter(help="What may be left of it, such as 5GB; longest unused goes first.")] = None,
    unused_for: Annotated[float | None, Parameter(help="Drop what was not used for so many days.")] = None,
    dry_run: Annotated[bool, Parameter(negative="", help="Say what would go; drop nothing.")] = False,
    as_json: AsJson = False,
) -> int:
    """Drop what other versions of istar left and what is over the bound, or what is asked for.

    A kind that is named without a size or an age goes whole. Truth tables and converted targets are data: they go only
    if `--kind` names them.
    """
    from istar.storage.bound import parse_size
    from istar.storage.survey import prune as drop

    most = None if to is None else parse_size(to, "--to")
    gone = drop(kind or (), to=most, unused_for=unused_for, dry_run=dry_run)
    if as_json:
        print_json({"dry_run": dry_run, "kinds": [usage_json(each) for each in gone]})
        return SUCCESS
    what = "would go" if dry_run else "gone"
    shown = table(what.capitalize(), "kind", ">entries", ">size", "oldest use", "newest use")
    for each in gone:
        shown.add_row(each.kind, str(each.entries), size(each.bytes), day(each.oldest), day(each.newest))
    if gone:
        output.show(shown)
    output.tell(f"{what}: {sum(each.entries for each in gone)} entries, {size(sum(each.bytes for each in gone))}")
    return SUCCESS


def usage_json(usage: Usage) -> dict[str, Any]:
    """Return what there is of a kind as JSON values; times are UTC."""
    return {**vars(usage), "oldest": moment(usage.oldest), "newest": moment(usage.newest)}


def moment(seconds: float | None) -> str | None:
    """Return a time as ISO 8601."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def day(seconds: float | None) -> str:
    """Return the day of a time for people."""
    return "" if seconds is None else datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d")


def size(number: float) -> str:
    """Return a number of bytes for people."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.3g} {unit}" if unit != "B" else f"{number:.0f} B"
        number /= 1000
    return f"{number:.3g} TB"
