// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// What the command line asks for.
struct Options: Sendable {
    static let usage = """
        usage: benchmarks [--json FILE] [--filter TEXT] [--quick] [--times-only] [--list]
          --json FILE      write the figures as JSON, "-" for standard output
          --filter TEXT    only benchmarks whose name contains TEXT
          --quick          fewer and shorter samples
          --times-only     do not count instructions and heap allocations, which needs valgrind and takes minutes
          --list           print the names and stop
        """

    var jsonPath: String?
    var filter = ""
    var isQuick = false
    var countsInstructions = true
    var listsOnly = false
    /// Runs one benchmark that many times and reports nothing: what the instruction counter starts.
    var repetition: (name: String, iterations: Int)?

    init(_ arguments: some Sequence<String>) {
        var rest = Array(arguments)[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--json": jsonPath = rest.popFirst()
            case "--filter": filter = rest.popFirst() ?? ""
            case "--quick": isQuick = true
            case "--times-only": countsInstructions = false
            case "--list": listsOnly = true
            case "--repeat":
                guard let name = rest.popFirst(), let count = rest.popFirst().flatMap({ Int($0) }) else { fallthrough }
                repetition = (name, count)
            default:
                print(Self.usage)
                exit(argument == "--help" ? 0 : 2)
            }
        }
    }
}
