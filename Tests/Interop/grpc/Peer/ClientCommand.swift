// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import Foundation
import GRPCCore
import MeshCore
import MeshGRPC
import MeshXDS
import ServiceMesh

/// Our client: makes the calls that lines of JSON (`ClientJob`) ask for, and prints a line of what each one brought: the
/// answer, or the status' message if that is a number, as the servers of these checks say who they are, or its name.
struct ClientCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "client",
        abstract: "Calls a target as lines of JSON on standard input say, and prints what came of the calls."
    )

    @Option(help: "The bootstrap file of gRPC's clients; targets of xds: need one.")
    var bootstrap: String?

    @Option(help: "Whom to call.")
    var target: String

    func run() async throws {
        let sources = try bootstrap.map { path in
            guard let scheme = target.range(of: "xds:///") else { throw ValidationError("\(target) is no xds: target") }
            return XDSConfigSource(
                bootstrap: try Bootstrap(path: path),
                targets: [XDSTarget(String(target[scheme.upperBound...]))],
                asksForAllListeners: false,
                rules: .grpc
            )
        }
        let transport = try MeshClientTransport.mesh(target: target, sources: sources.map { [$0] } ?? [])
        try await withGRPCClient(transport: transport) { client in
            LineOutput.write(["event": "ready"])
            for await line in LineInput.lines() {
                let job = try JSONDecoder().decode(ClientJob.self, from: Data(line.utf8))
                var found: [String] = []
                for _ in 0..<(job.count ?? 1) { found.append(await Self.call(job, client)) }
                LineOutput.write(found)
            }
        }
    }

    private static func call(_ job: ClientJob, _ client: GRPCClient<MeshClientTransport>) async -> String {
        var metadata = Metadata()
        for pair in job.metadata ?? [] where pair.count == 2 { metadata.addString(pair[1], forKey: pair[0]) }
        var options = CallOptions.defaults
        options.timeout = .seconds(job.timeout ?? 30)
        options.compression = job.compression?.algorithm
        do {
            return try await client.unary(
                request: ClientRequest(message: job.message ?? "", metadata: metadata),
                descriptor: MethodDescriptor(fullyQualifiedService: job.method.service, method: job.method.name),
                serializer: TextCoder(),
                deserializer: TextCoder(),
                options: options
            ) { try $0.message }
        } catch let error as RPCError {
            return Int(error.message) == nil ? "\(error.code)" : error.message
        } catch {
            return "\(error)"
        }
    }
}
