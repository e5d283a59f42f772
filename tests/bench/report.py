# SPDX-License-Identifier: GPL-3.0-or-later
"""The results of `run classify` as tables, and as lines of a chart."""
from chart import Line

PEERS = ("empty", "portcullis", "nft-best", "nft-linear", "iptables", "ipset", "xdp-filter")
LIST_PEERS = ("empty", "portcullis", "lpm-trie", "nft-best", "ipset", "xdp-filter")
TRACES = ("match/uniform", "match/hot", "cross/uniform", "cross/hot", "random/uniform", "random/hot")


def table(head, rows):
    rows = [[str(cell) for cell in row] for row in [head, *rows]]
    widths = [max(len(row[at]) for row in rows) for at in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) if at == 0 else cell.rjust(width)
                               for at, (cell, width) in enumerate(zip(row, widths))).rstrip()
                     for row in rows)


def count(number):
    return f"{number:,}"


def size_of(row):
    return f"{row['set']}{' + ' + count(row['entries']) if row['entries'] and row['rules'] > 1 else ''}"


def mb(number):
    return "-" if number is None else f"{number / 1e6:.1f}"


def look_ups(rows):
    """Short notes for what failed, as the reasons are long."""
    notes, lines = [], []
    for row in rows:
        cells = [f"{row['traces'][trace]['ns']:.0f}" if trace in row["traces"] else "-"
                 for trace in TRACES]
        if row.get("why"):
            notes.append(f"  {row['set']}, {count(row['rules'])} rules: {row['why']}")
        lines.append([size_of(row), count(row["rules"]), *cells, mb(row.get("bytes")),
                      f"{row['compile_s'] * 1e3:.1f}" if "compile_s" in row else "-",
                      f"{row['store_s'] * 1e3:.1f}" if "store_s" in row else "-"])
    head = ["rule set", "rules", *TRACES, "MB", "build ms", "store ms"]
    return "\n".join(["Look-up alone, ns per packet above the program without it (BPF_PROG_TEST_RUN):",
                      table(head, lines), *notes])


def ratio(medians, name):
    if name not in medians:
        return "-"
    return f"{medians[name]:,.0f} ({medians[name] / medians['empty']:.1f}x)"


def reasons(rows, names):
    """Why cells are empty, rule sets with the same reason together."""
    found = {}
    for row in rows:
        for name in names:
            if name in row["why"]:
                found.setdefault((name, row["why"][name]), []).append(
                    f"{row['set']} {count(row['entries'] or row['rules'])}")
    return [f"  {name}: {why} [{', '.join(dict.fromkeys(where))}]"
            for (name, why), where in found.items()]


def paths(rows, forms):
    lines = []
    for row in rows:
        for trace, medians in row["traces"].items():
            lines.append([size_of(row), count(row["rules"]), trace,
                          *(ratio(medians, name) for name in PEERS), row.get("nft_maps", "-")])
    out = ["On a veth pair, ns per packet with the generator (ratio to the empty XDP drop):",
           table(["rule set", "rules", "trace", *PEERS, "maps of nft-best"], lines)]
    out += [f"  {name}: {forms[name]}" for name in PEERS]
    return "\n".join(out + ["  Not measured:"] + reasons(rows, PEERS))


def lists(rows, forms):
    alone, path, loading = [], [], []
    for row in rows:
        name = [row["set"], count(row["entries"])]
        for trace in row["look_up"]["traces"] or row["trie"]["traces"]:
            alone.append([*name, trace, *(f"{part['traces'][trace]['ns']:.0f}"
                                          if trace in part["traces"] else "-"
                                          for part in (row["look_up"], row["trie"]))])
        for trace, medians in row["path"]["traces"].items():
            path.append([*name, trace, *(ratio(medians, peer) for peer in LIST_PEERS)])
        file, started = row["file"], row["path"]["start_s"]
        seconds = [f"{file[key]:.2f}" if key in file else "-"
                   for key in ("parse_s", "compile_s", "store_s")]
        loading.append([*name, *seconds, mb(file.get("bytes")), mb(row["trie"].get("bytes")),
                        mb(row["path"]["bytes"].get("ipset")),
                        *(f"{started[peer]:.1f}" if peer in started else "-" for peer in LIST_PEERS[1:])])
    notes = [f"  {row['set']} {count(row['entries'])}: {part['why']}" for row in rows
             for part in (row["look_up"], row["trie"], row["file"]) if "why" in part]
    return "\n".join([
        "One rule that drops the sources of a list; look-up alone, ns:",
        table(["list", "entries", "trace", "portcullis", "lpm-trie"], alone), "",
        "The same on a veth pair, ns per packet with the generator:",
        table(["list", "entries", "trace", *LIST_PEERS], path),
        f"  lpm-trie: {forms['lpm-trie']}", *reasons([row["path"] for row in rows], LIST_PEERS), "",
        "Loading, s; Portcullis from the list's file, then each peer from nothing to running:",
        table(["list", "entries", "parse", "build", "store", "MB", "trie MB", "ipset MB",
               *LIST_PEERS[1:]], loading),
        *notes])


def updates(rows):
    lines, notes = [], []
    for row in rows:
        if "why" in row:
            notes.append(f"  {row['set']}: {row['why']}")
            continue
        for what in ("insert", "delete"):
            figures = row[what + "_us"]
            lines.append([size_of(row), count(row["rules"]), what,
                          *(f"{figures[key]:,.1f}" for key in ("p50", "p99", "max"))])
    return "\n".join(["One rule into or out of the running rules, us:",
                      table(["rule set", "rules", "", "p50", "p99", "max"], lines), *notes])


def text(results):
    out = [f"Kernel {results['kernel']}, {results['cpus']} CPUs; medians of {results['rounds']} rounds; "
           f"seed {results['seed']}"]
    if "look-up" in results:
        out.append(look_ups(results["look-up"]))
    if "path" in results:
        out.append(paths(results["path"], results["forms"]))
    if "lists" in results:
        out.append(lists(results["lists"], results["forms"]))
    if "updates" in results:
        out.append(updates(results["updates"]))
    return "\n\n".join(out)


def lines(results, name):
    """What the chart shows: the rule sets `name` on the veth pair."""
    rows = [row for row in results.get("path", []) if row["set"] == name]

    def points(trace, peer):
        return {row["rules"]: row["traces"][trace][peer] for row in rows
                if peer in row["traces"].get(trace, {})}

    return [Line("iptables", "#1e8449", points("match/uniform", "iptables")),
            Line("nft, linear", "#85c1e9", points("match/uniform", "nft-linear")),
            Line("nft, best form, uniform", "#2471a3", points("match/uniform", "nft-best")),
            Line("nft, best form, hot", "#2471a3", points("match/hot", "nft-best"), dashed=True),
            Line("Portcullis, uniform", "#c0392b", points("match/uniform", "portcullis")),
            Line("Portcullis, hot", "#c0392b", points("match/hot", "portcullis"), dashed=True),
            Line("empty XDP drop", "#888888", points("match/uniform", "empty"))]
