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
    static func main() async throws {
        guard CommandLine.arguments.count == 2 else {
            FileHandle.standardError.write(Data("usage: route-peer TABLES < CASES > OUTCOMES\n".utf8))
            exit(64)
        }
        let text = try String(contentsOfFile: CommandLine.arguments[1], encoding: .utf8)
        let root = try ResourceDocument(json: text, file: CommandLine.arguments[1]).root
        var topology = Topology()
        for (name, cluster) in root["clusters"]?.members ?? [] {
            guard cluster["refuses"]?.isTrue != true else { continue }
            for (number, address) in (cluster["endpoints"]?.elements ?? []).enumerated() {
                guard let address = address.text.flatMap({ EndpointAddress(authority: $0) }) else { continue }
                let isMirror = cluster["mirror"]?.isTrue == true
                topology.add(Topology.Endpoint(cluster: name, number: number, isMirror: isMirror), at: address)
            }
        }
        let runtime = (root["runtime"]?.members ?? []).reduce(into: [:]) { values, member in
            values[member.name] = RuntimeValue(member.value)
        }
        var cases: [Int: [RoutingCase]] = [:]
        while let line = readLine() {
            let asked = try RoutingCase(line)
            cases[asked.table, default: []].append(asked)
        }
        let tables = root["tables"]?.elements ?? []
        var lines: [(number: Int, line: String)] = []
        try await withThrowingTaskGroup(of: [Outcome].self) { group in
            for (number, asked) in cases where tables.indices.contains(number) {
                let table: RoutingTable
                do {
                    table = try RoutingTable(tables[number], number: number, topology: topology, runtime: runtime)
                } catch {
                    FileHandle.standardError.write(Data("table \(number) is refused: \(error)\n".utf8))
                    continue
                }
                for report in table.ignored { FileHandle.standardError.write(Data((report + "\n").utf8)) }
                group.addTask {
                    var outcomes: [Outcome] = []
                    // One after another: buckets of tokens remember the requests of before.
                    for each in asked { outcomes.append(await table.outcome(of: each)) }
                    return outcomes
                }
            }
            var outcomes: [Outcome] = []
            for try await each in group { outcomes += each }
            // Copies outlive the requests that they are copies of.
            try await SystemClock().sleep(until: SystemClock().now.advanced(by: .milliseconds(500)))
            lines = outcomes.map { ($0.number, $0.line) }
        }
        for line in lines.sorted(by: { $0.number < $1.number }) { print(line.line) }
    }
}
