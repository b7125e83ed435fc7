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
        usage: benchmarks [--json FILE] [--filter TEXT] [--quick] [--times-only] [--list] [--guard] [--goals]
                          [--tower PATH]
          --json FILE      write the figures as JSON, "-" for standard output
          --filter TEXT    only benchmarks whose name contains TEXT
          --quick          fewer and shorter samples
          --times-only     do not count instructions and heap allocations, which needs valgrind and takes minutes
          --list           print the names and stop
          --guard          count instructions and allocations, compare them with their bounds, and stop; fails if one
                           is broken
          --goals          measure the policies' goals, and stop
          --tower PATH     likewise, with the program of Benchmarks/Peers/Tower to compare with
        """

    var jsonPath: String?
    var filter = ""
    var isQuick = false
    var countsInstructions = true
    var listsOnly = false
    var guardsBounds = false
    var measuresGoals = false
    var towerPath: String?
    /// Runs benchmarks and reports nothing: what the counter of instructions starts.
    var countedRun: CountedRun?

    init(_ arguments: some Sequence<String>) {
        var rest = Array(arguments)[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--json": jsonPath = rest.popFirst()
            case "--filter": filter = rest.popFirst() ?? ""
            case "--quick": isQuick = true
            case "--times-only": countsInstructions = false
            case "--list": listsOnly = true
            case "--guard": guardsBounds = true
            case "--goals": measuresGoals = true
            case "--tower":
                towerPath = rest.popFirst()
                measuresGoals = true
            case "--counted-run":
                countedRun = CountedRun(names: Array(rest))
                rest = []
            default:
                print(Self.usage)
                exit(argument == "--help" ? 0 : 2)
            }
        }
    }
}
