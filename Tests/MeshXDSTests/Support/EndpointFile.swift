// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshConfig
import MeshCore
import MeshTesting
import MeshXDS
import Synchronization

/// A file of endpoints in a folder of its own, and a source that reads it, in virtual time.
final class EndpointFile: Sendable {
    let clock = ManualClock()
    let observer = RecordingObserver()
    let source: EndpointFileSource
    let path: String
    private let folder: URL
    private let delivered = Mutex<[MeshResources]>([])

    init(interval: Nanoseconds = .seconds(1)) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("mesh-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        path = folder.appendingPathComponent("endpoints.json").path
        source = try EndpointFileSource(path: path, interval: interval, clock: clock)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// What was put in force, in order.
    var applied: [MeshResources] { delivered.withLock { $0 } }

    /// The addresses that were put in force last, by assignment.
    var addresses: [String: [String]]? { applied.last?.endpointAssignments.mapValues(\.addresses) }

    var rejections: [String] {
        observer.events.compactMap { if case .configurationRejected(_, let error) = $0 { "\(error)" } else { nil } }
    }

    /// What was told of the file: `nil` when it can be read, or why it cannot.
    var connections: [String?] {
        observer.events.compactMap { event -> String?? in
            if case .sourceConnection(_, _, let reason) = event { .some(reason) } else { .none }
        }
    }

    /// Puts another file in its place.
    func replace(with text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    }

    /// Writes into the file itself.
    func overwrite(with text: String) throws {
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        try handle.truncate(atOffset: 0)
        try handle.write(contentsOf: Data(text.utf8))
        try handle.close()
    }

    func remove() throws { try FileManager.default.removeItem(atPath: path) }

    /// Runs the source around a body; its first look has ended then.
    func running(delivering sink: ConfigSink? = nil, _ body: () async throws -> Void) async throws {
        let sink =
            sink
            ?? ConfigSink(
                apply: { [self] resources in
                    delivered.withLock { $0.append(resources) }
                    return 1
                },
                notice: { [observer] in observer.noticed($0) }
            )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [source] in try? await source.run(delivering: sink) }
            await clock.waitForSleepers()
            defer { group.cancelAll() }
            try await body()
        }
    }

    /// Lets time pass and the source look.
    func look(after time: Nanoseconds = .seconds(1)) async {
        clock.advance(by: time)
        await clock.waitForSleepers()
    }

    /// A look that sees a change, and one that sees that it stands still.
    func settle() async {
        await look()
        await look(after: .milliseconds(50))
    }

    /// A response with endpoints by their ports.
    static func response(_ assignments: [(name: String, ports: [Int])]) -> String {
        let resources = assignments.map { assignment in
            let endpoints = assignment.ports.map { port in
                #"{"endpoint": {"address": {"socket_address": {"address": "10.0.0.1", "port_value": \#(port)}}}}"#
            }
            return #"""
                {"@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
                 "cluster_name": "\#(assignment.name)",
                 "endpoints": [{"lb_endpoints": [\#(endpoints.joined(separator: ", "))]}]}
                """#
        }
        return "{\"version_info\": \"1\",\n\"resources\": [\n\(resources.joined(separator: ",\n"))\n]}\n"
    }

    static func response(_ name: String, _ ports: [Int]) -> String { response([(name, ports)]) }
}

extension EndpointAssignment {
    /// The addresses of all endpoints.
    var addresses: [String] { localities.flatMap(\.endpoints).map(\.address.description) }
}
