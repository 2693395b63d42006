"""The evidence as a page for people: one file that needs nothing beside it, on a screen or paper.

Whatever it tells was read by firmware/evidence.py; here it only gets its form. Every value is
escaped, and a page that asks for anything from elsewhere is refused by its own policy.
"""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

STYLE = """
:root { color-scheme: light; --ink: #1c2430; --soft: #5b6675; --line: #d9dee5; --pale: #f5f7fa;
  --good: #17653a; --bad: #a3201d; }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 68rem; padding: 2.5rem 1.5rem 4rem; color: var(--ink);
  font: 1rem/1.55 system-ui, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; background: #fff }
h1 { font-size: 1.8rem; line-height: 1.2; margin: 0 }
h2 { font-size: 1.2rem; margin: 2.6rem 0 .6rem; padding-top: .4rem;
  border-top: 2px solid var(--ink) }
p, ul { margin: .5rem 0; max-width: 46rem } small, .soft { color: var(--soft) }
nav { margin: 1rem 0 0; columns: 3 12rem; font-size: .95rem } nav a { display: block }
a { color: inherit }
.wide { overflow-x: auto }
table { border-collapse: collapse; width: 100%; font-size: .92rem; margin: .7rem 0 }
th, td { text-align: left; vertical-align: top; padding: .45rem .6rem;
  border-bottom: 1px solid var(--line) }
th { background: var(--pale); font-weight: 600; white-space: nowrap }
code { font: .86em ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere }
pre { background: var(--pale); padding: .8rem 1rem; overflow-x: auto; font-size: .85rem }
.good { color: var(--good); font-weight: 600 } .bad { color: var(--bad); font-weight: 600 }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(12rem, 1fr)); gap: .8rem;
  margin: 1.4rem 0 0; padding: 0; list-style: none; max-width: none }
.facts li { border: 1px solid var(--line); border-radius: .4rem; padding: .7rem .9rem }
.facts b { display: block; font-size: 1.05rem }
@media print { body { max-width: none; padding: 0; font-size: 9.5pt } nav { display: none }
  h2 { break-after: avoid } tr, li { break-inside: avoid } }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'"

Told = Mapping[str, Any]


def page(told: Told) -> str:
    """The whole page."""
    sections = {
        "safeguards": ("45 CFR 164.312, line by line", _safeguards(told)),
        "people": ("Access review", _people(told)),
        "roles": ("Who may do what", _roles(told)),
        "envelope": ("Emergency access", _envelope(told)),
        "sessions": ("Sessions", _sessions(told)),
        "keys": ("Key inventory", _keys(told)),
        "audit": ("Audit", _audit(told)),
        "retention": ("Retention and deletion", _retention(told)),
        "drills": ("Backups and restore drills", _drills(told)),
        "algorithms": ("Algorithms", _algorithms(told)),
        "thief": ("What a thief of the box's disk could read", _thief(told)),
        "transmission": ("Transmission", _list(told["transmission"])),
        "software": ("Software", _software(told)),
        "check": ("How to check this pack", _check(told)),
    }
    links = "".join(
        f'<a href="#{name}">{_(title)}</a>' for name, (title, _body) in sections.items()
    )
    body = "".join(
        f'<section id="{name}"><h2>{_(title)}</h2>{content}</section>\n'
        for name, (title, content) in sections.items()
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>Evidence of {_(told["clinic"])}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>Evidence of {_(told["clinic"])}</h1>
<p class="soft">Made {_(_at(told["made"]))} by CareLine {_(told["version"])}. No patient and no key
stands in it. What it says the box does, it shows; what the clinic must do itself, it names. It is
no advice on law.</p>
{_facts(told)}
<nav>{links}</nav>
{body}</body>
</html>
"""


def _facts(told: Told) -> str:
    chain, proofs = told["audit"], told["retention"]["receipts"]
    drill = told["drills"]["last_drill"]
    people = [each for each in told["people"] if not each["invited_until"]]
    without = sum(not each["second_factor"] for each in people)
    facts = (
        ("Audit", f"{chain['entries']} entries", _verdict(chain["wrong"], "as they were entered")),
        (
            "Deletions",
            f"{proofs['receipts']} receipts",
            _verdict(proofs["wrong"], "as they were signed"),
        ),
        (
            "Last restore drill",
            _at(drill["at"]) if drill else "none",
            _verdict(drill["wrong"] if drill else "no drill was held", "it restored well"),
        ),
        (
            "People",
            f"{len(people)} who sign in",
            f'<span class="{"bad" if without else "good"}">{without} without second factor</span>',
        ),
    )
    items = "".join(f"<li>{_(a)}<b>{_(b)}</b>{c}</li>" for a, b, c in facts)
    return f'<ul class="facts">{items}</ul>'


def _safeguards(told: Told) -> str:
    rows = (
        (
            f"<b>164.312{_(each['line'])}</b><br>{_(each['title'])}<br><small>{each['kind']}</small>",
            _(each["box"]),
            "<br>".join(map(_proof, each["proofs"])),
            _(each["clinic"]),
        )
        for each in told["safeguards"]
    )
    return _table(("line", "what the box does", "proof", "what the clinic does itself"), rows)


def _proof(name: str) -> str:
    return f"<code>{_(name)}</code>" if "." in name else f'<a href="#{_(name)}">{_(name)}</a>'


def _people(told: Told) -> str:
    def state(each: Told) -> str:
        if each["invited_until"]:
            return f"invited until {_at(each['invited_until'])}"
        return f"has to wait {each['locked_s']} s" if each["locked_s"] else ""

    rows = (
        (
            _(each["name"]),
            _(each["role"]),
            _(", ".join(each["opens"]) or "nothing"),
            _(", ".join(each["waits_for"])),
            f"yes, {each['recovery_codes_left']} recovery codes left"
            if each["second_factor"]
            else '<span class="bad">no</span>',
            _(_at(each["last_sign_in"]) or "never"),
            _(state(each)),
        )
        for each in told["people"]
    )
    return _table(("name", "role", "opens", "waits for", "second factor", "last sign-in", ""), rows)


def _roles(told: Told) -> str:
    everybody = max(told["roles"].values(), key=len)
    rows = (
        (_(operation), *("yes" if role in roles else "" for role in everybody))
        for operation, roles in told["roles"].items()
    )
    return (
        "<p>Each control request, command and page is one of these operations. The running exchange"
        " decides by this table; who is refused stands in the audit.</p>"
        + _table(("may", *map(_, everybody)), rows)
    )


def _envelope(told: Told) -> str:
    found = told["envelope"]
    made = f", made {_at(found['made'])} by {found['made_by']}" if "made" in found else ""
    opened = f", {_at(found['opened'])}, by {found['opened_by']}" if "opened" in found else ""
    return f"<p>The envelope: <b>{_(found['state'])}</b>{_(opened)}{_(made)}.</p>"


def _sessions(told: Told) -> str:
    held = told["sessions"]
    return (
        f"<p>A session ends after {held['idle_s'] / 60:.0f} idle minutes and after"
        f" {held['absolute_s'] / 3600:.0f} hours in any case; {len(held['running'])} people were"
        " signed in when this was made.</p>"
    )


def _keys(told: Told) -> str:
    keys = told["keys"]
    pairs = (
        (
            _(each["mailbox"]),
            str(each["generation"]),
            _(_at(each["made"])),
            f"<code>{_(each['key_id'])}</code>",
            _(", ".join(each["open_to"]) or "nobody but the recovery paper"),
            str(each["wraps"]),
        )
        for each in keys["mailboxes"]
    )
    people = (
        (_(each["name"]), _(_at(each["made"])), f"<code>{_(each['id'])}</code>")
        for each in keys["people"]
    )
    paper = keys["recovery_paper"]
    return (
        f"<p>Suite: {_(keys['suite'])}. The recovery paper of {_(_at(paper['made']))} is"
        f" <code>{_(paper['id'])}</code>. The machine key is {_(keys['machine_key'])}. Messages"
        f" that the box itself can open now: {keys['messages_the_box_can_open']}.</p>"
        + _table(("mailbox", "generation", "made", "id", "open to", "wraps"), pairs)
        + _table(("person", "key born", "id"), people)
    )


def _audit(told: Told) -> str:
    chain = told["audit"]
    rows = ((_(act), str(count)) for act, count in chain["counts"].items())
    return (
        f"<p>{chain['entries']} entries: {_verdict(chain['wrong'], 'all as they were entered')}."
        " All of them stand in <code>audit.jsonl</code>.</p>" + _table(("what", "entries"), rows)
    )


def _retention(told: Told) -> str:
    found = told["retention"]
    rules = (
        (_(name.replace("_", " ")), _("for ever" if value is None else str(value)))
        for name, value in found["rules"].items()
    )
    held = (
        (_(_at(each["at"])), _(each["by"]), _(each["kind"]), f"<code>{_(each['target'])}</code>")
        for each in found["holds"]
    )
    proofs, recorded = found["receipts"], told["recordings"]
    return (
        f"<p>{proofs['receipts']} receipts of what was destroyed"
        f" ({proofs['unfinished']} under way):"
        f" {_verdict(proofs['wrong'], 'all as they were signed')}. They stand in"
        " <code>receipts.jsonl</code>.</p>"
        + _table(("rule", ""), rules)
        + (_table(("on hold since", "by", "kind", "what"), held) if found["holds"] else "")
        + ("" if found["holds"] else "<p>Nothing is on legal hold.</p>")
        + f"<p>{recorded['parts']} parts of talks were recorded. {recorded['cut_off']} of them were"
        " cut off because the exchange ended: what was said after is not recorded.</p>"
    )


def _drills(told: Told) -> str:
    found = told["drills"]
    last = found["last_drill"]
    how = (
        f"<p>The last drill, {_(_at(last['at']))}, restored {_(last['file'])},"
        f" {last['bytes'] / 1e6:.1f} MB, in {last['seconds']:.0f} s:"
        f" {_verdict(last['wrong'], 'all was well')}.</p>"
        if last
        else '<p class="bad">No drill was held yet.</p>'
    )
    if found["last_failure"]:
        how += f'<p class="bad">{_(found["last_failure"])}</p>'
    rows = (
        (_(_at(each["at"])), name, _(each["about"]))
        for name in ("backups", "drills", "restores")
        for each in found[name][-30:]
    )
    return how + _table(("at", "what", ""), rows)


def _algorithms(told: Told) -> str:
    rows = ((_(each["name"]), _(each["use"]), _(each["from"])) for each in told["algorithms"])
    return f"<p>{_(told['no_validated_module'])}</p>" + _table(("algorithm", "for", "from"), rows)


def _thief(told: Told) -> str:
    thief = told["thief"]
    return (
        f"<p>The machine key of this box is <b>{_(thief['machine_key'])}</b>. So whoever takes the"
        f" disk reads:</p>{_list(thief['reads'])}"
        f"<p>and does not read:</p>{_list(thief['reads_not'])}"
    )


def _software(told: Told) -> str:
    counts = ", ".join(f"{count} {kind}" for kind, count in told["software"].items())
    asterisk = ", ".join(told["asterisk"]) or "not of a package here"
    return (
        f"<p>CareLine {_(told['version'])}, Asterisk {_(asterisk)}; {_(counts)}. Each with its"
        " version in <code>software.cdx.json</code> (CycloneDX).</p>"
    )


def _check(told: Told) -> str:
    return (
        "<p>Unpack it, and in that directory:</p>"
        "<pre>openssl pkeyutl -verify -pubin -inkey box-key.pem -rawin \\\n"
        "    -in SHA256SUMS -sigfile SHA256SUMS.sig\nsha256sum --check SHA256SUMS</pre>"
        "<p>That the key is this box's, the recovery paper says, where it stands:</p>"
        f"<pre>{_(told['box_key'])}</pre>"
    )


# ---- forms ----


def _(text: object) -> str:
    return escape(str(text))


def _at(moment: str) -> str:
    return f"{moment[:10]} {moment[11:16]} UTC" if moment else ""


def _verdict(wrong: str, well: str) -> str:
    return (
        f'<span class="bad">{_(wrong)}</span>' if wrong else f'<span class="good">{_(well)}</span>'
    )


def _list(items: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{_(each)}</li>" for each in items) + "</ul>"


def _table(head: Iterable[str], rows: Iterable[tuple[str, ...]]) -> str:
    """`rows` are HTML already."""
    titles = "".join(f"<th>{each}</th>" for each in head)
    body = "".join("<tr>" + "".join(f"<td>{each}</td>" for each in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{titles}</tr>{body}</table></div>'
