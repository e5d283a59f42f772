# SPDX-License-Identifier: GPL-3.0-or-later
"""The results of `run flows` as tables in Markdown, as they stand in README; and the targets."""
from rulesets import TCP

TARGET_FLOWS, TARGET_NS = 60_000, 60
TARGET_RATIO = 4
TARGET_LIMIT = 0.05
OFFERED_LEAST = 1.5  # what came has to exceed the limit by so much, or nothing was tested


def table(head, rows):
    cells = [[str(cell) for cell in row] for row in [head, *rows]]
    lines = ["| " + " | ".join(row) + " |" for row in cells]
    return "\n".join([lines[0], "|" + "---:|" * len(head), *lines[1:]])


def kind_of(row):
    return f"{'TCP' if row['proto'] == TCP else 'UDP'}, IPv{row['version']}"


def known(rows):
    kinds = list(dict.fromkeys(kind_of(row) for row in rows))
    found = {(row["flows"], kind_of(row)): f"{row['uniform']['ns']:.0f} / {row['hot']['ns']:.0f}"
             for row in rows}
    counts = sorted({row["flows"] for row in rows})
    return "\n".join([
        "A packet of a known flow, ns above an empty program (BPF_PROG_TEST_RUN; packets of all flows / of",
        "1,024 of them):", "",
        table(["flows", *kinds], [[f"{count:,}", *(found.get((count, kind), "") for kind in kinds)]
                                  for count in counts]), "",
        *(f"  {kind_of(row)}, {row['flows']:,} flows: {row['known'] / row['flows']:.1%} are in the table"
          for row in rows if row["known"] < row["flows"])])


def ratio(row):
    """How many times what Portcullis costs nft costs; 0: what was measured is less than its noise."""
    portcullis, nft = row["own"]["portcullis"], row["own"]["nft"]
    return nft / portcullis if portcullis > 0 and nft > 0 else 0


def path(rows, forms):
    lines = [[f"{kind_of(row)}, {row['order']}", *(f"{row['ns'][name]:.0f}" for name in
                                                   ("none", "portcullis", "nft")),
              *(f"{row['own'][name]:.0f}" for name in ("portcullis", "nft")), f"{ratio(row):.1f}x" if ratio(row) else "noise"]
             for row in rows]
    return "\n".join([
        f"On a veth pair, {rows[0]['flows']:,} known flows, ns per packet with generator and stack, up to the",
        "route look-up; and what of it is the firewall's:", "",
        table(["packets", "no firewall", "Portcullis", "nft, conntrack", "Portcullis alone", "nft alone",
               "ratio"], lines), "",
        *(f"  {name}: {form}" for name, form in forms.items())])


def limits(rows):
    lines = [[row["rate"], row["threads"], f"{row['offered']:.2f}", f"{row['passed']:.3f}"]
             for row in rows]
    return "\n".join(["Rate limits; what came and what passed, as parts of what the limit says:", "",
                      table(["limit", "senders", "came", "passed"], lines)])


def missed(results):
    """What did not reach its target, in words."""
    out = [f"{kind_of(row)}, {row['flows']:,} flows: {row['uniform']['ns']:.0f} ns, not {TARGET_NS}"
           for row in results.get("known", [])
           if row["flows"] == TARGET_FLOWS and row["uniform"]["ns"] > TARGET_NS]
    for row in results.get("path", []):
        what = f"{kind_of(row)}, {row['order']}"
        if not ratio(row):
            out.append(f"{what}: noise, nothing is said")
        elif ratio(row) < TARGET_RATIO:
            out.append(f"{what}: nft costs {ratio(row):.1f} times as much, not {TARGET_RATIO}")
    for row in results.get("limits", []):
        what = f"limit {row['rate']}, {row['threads']} sender(s)"
        if row["offered"] < OFFERED_LEAST:
            out.append(f"{what}: only {row['offered']:.2f} times as much came, nothing is said")
        elif abs(row["passed"] - 1) > TARGET_LIMIT:
            out.append(f"{what}: {row['passed']:.1%} passed")
    return out


def text(results):
    out = [f"Kernel {results['kernel']}, {results['cpus']} CPUs; medians of {results['rounds']} rounds"]
    if "known" in results:
        out.append(known(results["known"]))
    if "path" in results:
        out.append(path(results["path"], results["forms"]))
    if "limits" in results:
        out.append(limits(results["limits"]))
    return "\n\n".join(out)
