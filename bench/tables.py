"""What the tables of bench/README.md have in common."""


def table(head, rows, numbers_from=1):
    rule = ["---" if i < numbers_from else "---:" for i in range(len(head))]
    return "\n".join("| " + " | ".join(str(c) for c in row) + " |" for row in (head, rule, *rows))


def verdict(reached):
    return "reached" if reached else "**missed**"


def machine(out):
    m, load = out["machine"], out["load_average"]
    return (f"Machine: {'virtual, ' if m['hypervisor'] else ''}{m['cpus']} cores of {m['model']}, {m['memory_gib']} GiB,\n"
            f"Linux {m['kernel']}, {m['openssl'].split('(')[0].strip()}; 4 KiB written and synchronised take "
            f"{m['durable_write_us']:.0f} us.\nLoad average {load['before']:.1f} when it began and "
            f"{load['after']:.1f} when it ended, its own work included.")
