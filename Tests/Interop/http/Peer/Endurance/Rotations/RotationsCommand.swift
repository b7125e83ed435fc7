// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import MeshCore
import MeshHTTP
import MeshIdentity
import MeshSecurity
import MeshTesting
import NIOCore

/// Certificates on both sides are renewed again and again under load, and now and then the authority's root changes:
/// nobody may notice.
struct RotationsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotations",
        abstract: "Rotates the certificates of a client and two servers under load, and counts failed requests."
    )

    @Option(help: "How often both certificates are renewed.")
    var rotations = 1000

    @Option(help: "How many callers there are at once.")
    var callers = 8

    @Option(help: "How many requests end between two rotations, at least.")
    var requests = 20

    @Option(help: "How many requests a connection carries.")
    var requestsPerConnection: UInt32 = 20

    private static let clientName = "spiffe://cluster.local/ns/default/sa/client"
    private static let serverName = "spiffe://cluster.local/ns/default/sa/server"

    /// What came of it.
    private struct Outcome {
        /// The serial numbers that each server showed, in turn.
        var shown: [RotationServers.Kind: [String]] = [:]
        /// How many bytes came back on the exchanges that stayed open, or what ended them.
        var held: [String: String] = [:]
        var connections: [String: Int] = [:]
    }

    func run() async throws {
        print("\(rotations) rotations, \(callers) callers")
        let log = RotationLog()
        let authority = try RotatingAuthority()
        let observers = ObserverSet([log])
        let client = WorkloadIdentity(spiffeID: try SPIFFEID(Self.clientName), observers: observers)
        let server = WorkloadIdentity(spiffeID: try SPIFFEID(Self.serverName), observers: observers)
        // Renewals come when this clock says so, and everything else takes the time that it takes.
        let clock = ManualClock()
        var outcome = Outcome()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for identity in [client, server] {
                group.addTask {
                    try await IdentityRotation(
                        identity: identity,
                        issuer: authority,
                        clock: clock,
                        observers: ObserverSet([log])
                    )
                    .run()
                }
            }
            await log.renewals(2)
            outcome = try await load(client, server, log) { round in
                try authority.begin(round: round)
                await clock.waitForSleepers(2)
                clock.advance(by: .seconds(3600))
                await log.renewals(2)
            }
            group.cancelAll()
        }
        try judge(outcome, authority, log, [client, server])
    }

    private func load(
        _ client: WorkloadIdentity,
        _ server: WorkloadIdentity,
        _ log: RotationLog,
        rotate: (Int) async throws -> Void
    ) async throws -> Outcome {
        let servers = RotationServers(identity: server, client: Self.clientName, log: log)
        let probe = CertificateProbe(identity: client, server: Self.serverName)
        let counter = ConnectionCounter()
        var outcome = Outcome()
        try await withThrowingTaskGroup(of: Void.self) { group in
            var addresses: [RotationServers.Kind: EndpointAddress] = [:]
            for kind in RotationServers.Kind.allCases {
                let (listening, sink) = AsyncStream.makeStream(of: EndpointAddress.self)
                group.addTask { try await servers.run(kind) { sink.yield($0) } }
                for await address in listening.prefix(1) { addresses[kind] = address }
            }
            let load = try RotationLoad(
                client,
                to: addresses,
                server: Self.serverName,
                requestsPerConnection: requestsPerConnection,
                log: log,
                counter: counter
            )
            outcome.held = try await withThrowingTaskGroup(of: (String, String).self) { exchanges in
                var held: [AsyncStream<ByteBuffer>.Continuation] = []
                for target in RotationLoad.Target.all {
                    let (chunks, sink) = AsyncStream.makeStream(of: ByteBuffer.self)
                    held.append(sink)
                    exchanges.addTask {
                        do { return (target.name, "\(try await load.hold(target, chunks))") } catch {
                            return (target.name, "\(error)")
                        }
                    }
                }
                for caller in 0..<callers {
                    // Half of them live on an event loop, as handlers do.
                    let executor = caller % 2 == 0 ? load.transport.executors.next() : nil
                    exchanges.addTask(executorPreference: executor) {
                        await load.call(caller)
                        return ("", "")
                    }
                }
                for round in 0...rotations {
                    if round > 0 { try await rotate(round) }
                    for (kind, address) in addresses {
                        outcome.shown[kind, default: []].append(try await probe.serial(at: address))
                    }
                    for sink in held { sink.yield(ByteBuffer(string: ".")) }
                    await log.moreRequests(requests)
                    if round % 100 == 0 { print("\(round) rotations, \(log.requests) requests") }
                }
                log.end()
                for sink in held { sink.finish() }
                return try await exchanges.reduce(into: [:]) { $0[$1.0] = $1.1 }
            }
            outcome.connections = counter.snapshot
            await load.transport.shutdown()
            group.cancelAll()
            // Servers that are cancelled say so, each in its own way.
            while let result = await group.nextResult() { _ = result }
        }
        return outcome
    }

    private func judge(
        _ outcome: Outcome,
        _ authority: RotatingAuthority,
        _ log: RotationLog,
        _ identities: [WorkloadIdentity]
    ) throws {
        var verdicts = Verdicts()
        print("\(log.requests) requests, connections: \(outcome.connections)")
        verdicts.check(
            "both certificates were renewed \(rotations) times",
            identities.allSatisfy { $0.generation == UInt64(rotations) + 1 },
            "\(identities.map(\.generation))"
        )
        verdicts.check(
            "the authority's root changed",
            authority.changes == (rotations + RotatingAuthority.period / 2) / RotatingAuthority.period,
            "\(authority.changes) times"
        )
        verdicts.check(
            "no request failed",
            log.failures.isEmpty,
            "\(log.failures.count) of \(log.requests)\(log.failures.first.map { ", the first: \($0)" } ?? "")"
        )
        verdicts.check("nobody was refused", log.refusals.isEmpty, "\(log.refusals.count) \(log.refusals.prefix(2))")
        for target in RotationLoad.Target.all {
            let held = outcome.held[target.name] ?? "nothing"
            verdicts.check("\(target.name): an exchange outlived them all", held == "\(rotations + 1)", held)
        }
        let closings = outcome.connections.filter { $0.key.hasPrefix("closed.") }
        verdicts.check(
            "no connection was closed for another reason than its number of requests",
            Set(closings.keys) == ["closed.maximumRequests"] && outcome.connections["connectFailed"] == nil,
            "\(closings)"
        )
        for kind in RotationServers.Kind.allCases {
            let shown = outcome.shown[kind] ?? []
            verdicts.check(
                "\(kind.rawValue): every certificate was shown to the connections of its time",
                shown == authority.serials(of: Self.serverName),
                "\(Set(shown).count)"
            )
        }
        let seen = log.clientSerials
        verdicts.check(
            "servers have seen every certificate of the client",
            seen == Set(authority.serials(of: Self.clientName)),
            "\(seen.count)"
        )
        try verdicts.conclude()
    }
}
