# SPDX-License-Identifier: GPL-3.0-or-later
"""The results of `run relay` as tables in Markdown."""

# (head, key, digits); more is better in these, less in those below.
RATES = (("conn/s", "conn_s", 0), ("req/s", "req_s", 0), ("up", "up1", 2), ("down", "down1", 2),
         ("8 up", "up8", 2), ("8 down", "down8", 2))
LATENCIES = ("new", "kept")


def table(head, rows):
    cells = [[str(cell) for cell in row] for row in [head, *rows]]
    lines = ["| " + " | ".join(row) + " |" for row in cells]
    return "\n".join([lines[0], "|---|" + "---:|" * (len(head) - 1), *lines[1:]])


def figure(row, key, digits):
    return f"{row[key]:,.{digits}f}" if key in row else "-"


def ratios(row, others, key):
    """To bare forwarding, and to HAProxy."""
    return " / ".join(f"{row[key] / other[key]:.2f}" if key in row and other.get(key) else "-" for other in others)


def added(row, bare, name):
    return " / ".join(f"{row[key] - bare[key]:+,.0f}" for key in (name + "_p50", name + "_p99"))


def text(results):
    medians = results["medians"]
    bare, haproxy = medians["bare"], medians.get("haproxy", {})
    absolute, relative, costs = [], [], []
    for name, row in medians.items():
        absolute.append([name, *(figure(row, key, digits) for _, key, digits in RATES)])
        if name != "bare":
            relative.append([name, *(ratios(row, (bare, haproxy), key) for _, key, _ in RATES)])
        costs.append([name, *(" / ".join(f"{row[key]:,.0f}" for key in (of + "_p50", of + "_p99"))
                              if name == "bare" else added(row, bare, of) for of in LATENCIES),
                      figure(row, "cpu_s_gb", 2), figure(row, "own_cpu_s_gb", 2),
                      f"{row['flow_bytes'] / 1024:.1f}" if "flow_bytes" in row else "-"])
    heads = [head for head, _, _ in RATES]
    return "\n".join([
        f"Kernel {results['kernel']}, {results['cpus']} CPUs; medians of {results['rounds']} rounds, "
        f"{results['seconds']} s each", "",
        "Connections and requests a second; Gbit/s of one stream and of eight:", "",
        table(["", *heads], absolute), "",
        "Ratio to bare forwarding / to HAProxy:", "",
        table(["", *heads], relative), "",
        "Latency of a small answer, µs, p50 / p99 (bare: all of it, others: added); CPU seconds a GB, of the machine",
        f"and of the relay's own process; kB of user memory for each of {results['flows']:,} idle flows:", "",
        table(["", "new connection", "kept connection", "CPU s/GB", "own", "kB/flow"], costs), "",
        *(f"  {name}: {form}" for name, form in results["forms"].items()),
        *(f"  not measured: {name}: {why}" for name, why in results["why"].items()),
        *(f"  not measured: {name}, streams: it relays HTTP only" for name, row in medians.items() if "up1" not in row),
        f"took {results['took_s']} s"])
