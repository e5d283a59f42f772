# SPDX-License-Identifier: GPL-3.0-or-later
# Prints path:line:name for each name with a banned word in it: of files, of types and namespaces, and
# of functions at the left margin (where clang-format puts all that are not members).
# Words are the parts between _ - . and before capitals: PacketInfo and packet_info, not Metadata.

function banned(name, suffix_allowed, words, n, i) {
    if (name ~ /(^|_)do_/)
        return 1
    gsub(/[A-Z]/, "_&", name)
    n = split(tolower(name), words, /[_.-]+/)
    for (i = 1; i <= n; i++) {
        if (words[i] ~ /^(manager|handler|helper|helpers|util|utils|common|data|info|process)$/)
            return 1
        # <entry>_impl is the body that two BPF sections share.
        if (words[i] == "impl" && !(suffix_allowed && i == n))
            return 1
    }
    return 0
}

function report(name, suffix_allowed) {
    if (banned(name, suffix_allowed))
        print FILENAME ":" FNR ":" name
}

FNR == 1 {
    base = FILENAME
    sub(/.*\//, "", base)
    sub(/\.[a-z.]+$/, "", base)
    report(base, 0)
}

/^[ \t]*(struct|class|union|namespace|enum|enum class|using) +[A-Za-z_][A-Za-z0-9_:]*( final)?( *[:=].*)?( *\{.*)?$/ {
    line = $0
    sub(/^[ \t]*(enum class|struct|class|union|namespace|enum|using) +/, "", line)
    match(line, /^[A-Za-z_0-9]+/)
    # "using enum X" and "using namespace x" name nothing new.
    if (substr(line, 1, RLENGTH) !~ /^(enum|namespace)$/)
        report(substr(line, 1, RLENGTH), 0)
    next
}

/^[A-Za-z_][^=;(\/]*[ *&][A-Za-z_][A-Za-z0-9_:]*\(/ && !/^(return|else|if|for|while|switch|using|typedef) / {
    line = $0
    sub(/\(.*/, "", line)
    sub(/.*[ *&:]/, "", line)
    report(line, FILENAME ~ /^(xdp|tc)\//)
}
