// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import Foundation
import MeshConfig
import MeshCore
import MeshXDS

/// A control plane that serves what stands in a file: for looking at any xDS client from outside.
struct SnapshotCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshot",
        abstract: "Serves the resources of a file to every xDS client, anew each time the file changes.",
        discussion: """
            The file is {"listeners":[…],"routes":[…],"clusters":[…],"endpoints":[…],"runtime":[…]}, with resources of \
            xDS as protobuf writes them in JSON. One that cannot be served as a whole is refused, and changes nothing.
            """
    )

    /// Everybody is told the same.
    private static let group = "all"

    @Option(help: "The file of resources.")
    var resources: String

    @Option(help: "The port for xDS and CSDS on 127.0.0.1; 0 lets the system choose.")
    var xdsPort: UInt16 = 0

    func run() async throws {
        let cache = SnapshotCache { _ in Self.group }
        let server = XDSServer(
            address: EndpointAddress(host: "127.0.0.1", port: xdsPort),
            provider: cache,
            status: cache.inventory
        )
        let resources = resources
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            try printJSON(["xds": "\(try await server.listeningAddress)", "pid": "\(processID)"])
            group.addTask { try await Self.follow(resources, into: cache) }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private static func follow(_ path: String, into cache: SnapshotCache) async throws {
        let clock = SystemClock()
        var last: String?
        while true {
            // Who writes it may be in the middle of that.
            if let text = try? String(contentsOfFile: path, encoding: .utf8), text != last {
                last = text
                do {
                    let version = try cache.publish(Self.read(text), to: group)
                    try printJSON(["event": "published", "version": version])
                } catch let error as ConfigurationError {
                    try printJSON(["event": "refused", "error": "\(error)"])
                }
            }
            try await clock.sleep(until: clock.now.advanced(by: .milliseconds(50)))
        }
    }

    private static func read(_ text: String) throws(ConfigurationError) -> [XDSResource] {
        let document = try ResourceDocument(json: text)
        guard case .fields(let kinds) = document.root.value else {
            throw ConfigurationError(path: "", "must be an object of lists of resources")
        }
        var resources: [XDSResource] = []
        for kind in kinds {
            guard case .list(let elements) = kind.value.value else {
                throw ConfigurationError(path: kind.name, "must be a list")
            }
            for element in elements {
                let document = ResourceDocument(element)
                switch kind.name {
                case "listeners": resources.append(.listener(try document.listener().resource))
                case "routes": resources.append(.routeConfiguration(try document.routeConfiguration().resource))
                case "clusters": resources.append(.cluster(try document.cluster().resource))
                case "endpoints": resources.append(.endpointAssignment(try document.endpointAssignment().resource))
                case "runtime": resources.append(.runtimeLayer(try document.runtimeLayer().resource))
                default: throw ConfigurationError(path: kind.name, "is no kind of resources")
                }
            }
        }
        return resources
    }
}
