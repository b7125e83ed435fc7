// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshCore
import MeshRouting
import MeshXDS

/// Our side of the differential test of routing: it reads tables and cases, asks the library's own stack, and writes
/// outcomes. `our_side.py` describes both ends of the conversation.
@main
enum RoutePeer {
    /// Tables at a time, where each has connections of its own.
    private static let tablesOnTheWire = 24

    static func main() async throws {
        var arguments = CommandLine.arguments.dropFirst()
        if arguments.first == "--follow" {
            try await FollowedTable(arguments.dropFirst()).answer()
            return
        }
        let isOnTheWire = arguments.first == "--http"
        let isCounting = arguments.first == "--count"
        if isOnTheWire || isCounting { arguments.removeFirst() }
        guard let path = arguments.first, arguments.count == 1 else {
            FileHandle.standardError.write(
                Data("usage: route-peer [--http | --count] TABLES < CASES > OUTCOMES\n\(FollowedTable.usage)\n".utf8)
            )
            exit(64)
        }
        let root = try ResourceDocument(json: String(contentsOfFile: path, encoding: .utf8), file: path).root
        if isCounting {
            try await count(root)
            return
        }
        let topology = Topology(root["clusters"])
        let runtime = (root["runtime"]?.members ?? []).reduce(into: [:]) { values, member in
            values[member.name] = RuntimeValue(member.value)
        }
        var cases: [Int: [RoutingCase]] = [:]
        while let line = readLine() {
            let asked = try RoutingCase(line)
            cases[asked.table, default: []].append(asked)
        }
        let tables = root["tables"]?.elements ?? []
        var outcomes: [Outcome] = []
        try await withThrowingTaskGroup(of: [Outcome].self) { group in
            var running = 0
            for (number, asked) in cases where tables.indices.contains(number) {
                let table: ConfiguredTable
                do {
                    table = try ConfiguredTable(tables[number], number: number, runtime: runtime)
                } catch {
                    FileHandle.standardError.write(Data("table \(number) is refused: \(error)\n".utf8))
                    continue
                }
                for report in table.ignored { FileHandle.standardError.write(Data((report + "\n").utf8)) }
                if isOnTheWire, running == tablesOnTheWire, let ended = try await group.next() {
                    outcomes += ended
                    running -= 1
                }
                group.addTask {
                    let carried: any AskedTable =
                        isOnTheWire ? HTTPTable(table: table) : RoutingTable(table, topology: topology)
                    return try await carried.outcomes(of: asked)
                }
                running += 1
            }
            for try await each in group { outcomes += each }
        }
        for outcome in outcomes.sorted(by: { $0.number < $1.number }) { print(outcome.line) }
    }

    /// Counts where the requests of each line go, in the first table.
    private static func count(_ root: DocumentNode) async throws {
        guard let node = root["tables"]?.elements.first else {
            throw ConfigurationError(path: "tables", "has no element")
        }
        let configured = try ConfiguredTable(node, number: 0, runtime: [:])
        for report in configured.ignored { FileHandle.standardError.write(Data((report + "\n").utf8)) }
        let table = CountedTable(configured.mesh)
        while let line = readLine() { print(try await table.endpoints(of: line)) }
    }
}
