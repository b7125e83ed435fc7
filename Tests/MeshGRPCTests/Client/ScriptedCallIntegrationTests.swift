// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import MeshBalancing
import MeshConfig
import MeshCore
import MeshGRPC
import MeshResilience
import MeshRouting
import MeshTesting
import NIOHTTP2
import ServiceMesh
import Testing

@Suite("Calls to servers that do as a test wants", .timeLimit(.minutes(5)))
struct ScriptedCallIntegrationTests {
    typealias Server = ScriptedRPCServer

    /// Retries without waiting.
    func retry(_ conditions: RetryConditions, attempts: Int = 3) -> MeshResilience.RetryPolicy {
        var policy = MeshResilience.RetryPolicy.grpc(
            maximumAttempts: attempts,
            initialBackoff: .milliseconds(1),
            maximumBackoff: .milliseconds(1),
            backoffMultiplier: 1,
            conditions: conditions
        )
        policy.avoidsPreviousEndpoints = true
        return policy
    }

    func generous(_ observers: [any Observer] = []) -> MeshConfiguration {
        MeshConfiguration(retryBudget: nil as RetryBudgetChoice?, observers: observers, isDisabled: false)
    }

    // MARK: Retries

    @Test(
        "A44: an attempt whose status the route names is followed by another",
        arguments: [
            (1, RetryConditions.grpcCancelled), (4, .grpcDeadlineExceeded), (8, .grpcResourceExhausted),
            (13, .grpcInternal), (14, .grpcUnavailable),
        ]
    )
    func retries(status: Int, condition: RetryConditions) async throws {
        try await Server.serving {
            $0.number == 1 ? .trailersOnly(status) : .ok
        } while: { server, address in
            let policies = TargetPolicies(retry: retry(condition))
            try await withClient(.to([address], policies: policies, meshConfiguration: generous())) { client in
                let answer = try await client.echo()
                #expect(answer == [42])
            }
            #expect(server.calls.map { $0["grpc-previous-rpc-attempts"] } == [nil, "1"])
        }
    }

    @Test("A44: other statuses are final, and so is what comes behind a response's head")
    func finalStatuses() async throws {
        try await Server.serving { call in
            call[":path"] == "/mesh.Echo/Unary" ? .trailersOnly(5) : .message([1], status: 14)
        } while: { server, address in
            let policies = TargetPolicies(retry: retry([.grpcUnavailable, .grpcInternal]))
            try await withClient(.to([address], policies: policies, meshConfiguration: generous())) { client in
                #expect(await client.failure()?.code == .notFound)
                let error = await #expect(throws: RPCError.self) {
                    try await client.chat {
                        try await $0.write([1])
                    } reading: { response in
                        for try await _ in response.messages {}
                    }
                }
                #expect(error?.code == .unavailable)
            }
            #expect(server.calls.count == 2)
        }
    }

    @Test("A44: attempts end at the policy's number, with the last one's status")
    func exhausted() async throws {
        try await Server.serving { _ in
            .trailersOnly(14, fields: [("grpc-message", "busy")])
        } while: { server, address in
            let policies = TargetPolicies(retry: retry(.grpcUnavailable, attempts: 3))
            try await withClient(.to([address], policies: policies, meshConfiguration: generous())) { client in
                let error = await client.failure()
                #expect(error?.code == .unavailable)
                #expect(error?.message == "busy")
            }
            #expect(server.calls.count == 3)
        }
    }

    @Test("A44: another attempt goes to another endpoint")
    func otherEndpoint() async throws {
        try await Server.serving { _ in
            .trailersOnly(14)
        } while: { bad, badAddress in
            try await Server.serving { _ in
                .ok
            } while: { good, goodAddress in
                let policies = TargetPolicies(retry: retry(.grpcUnavailable, attempts: 2))
                let transport = try MeshClientTransport.to(
                    [badAddress, goodAddress],
                    policies: policies,
                    meshConfiguration: generous()
                )
                try await withClient(transport) { client in
                    for _ in 0..<20 { #expect(await client.failure() == nil) }
                }
                #expect(good.calls.count == 20)
                #expect(bad.calls.count > 5)
            }
        }
    }

    @Test("A44: a status that HTTP's stands for counts, too")
    func statusOfHTTP() async throws {
        try await Server.serving {
            $0.number == 1 ? .http(503) : .ok
        } while: { server, address in
            let policies = TargetPolicies(retry: retry(.grpcUnavailable))
            try await withClient(.to([address], policies: policies, meshConfiguration: generous())) { client in
                #expect(await client.failure() == nil)
            }
            #expect(server.calls.count == 2)
        }
    }

    @Test("A44: a connection that breaks under a call is unavailable, and tried again")
    func reset() async throws {
        try await Server.serving {
            $0.number == 1 ? .reset(.cancel) : .ok
        } while: { server, address in
            let policies = TargetPolicies(retry: retry(.grpcCancelled))
            try await withClient(.to([address], policies: policies, meshConfiguration: generous())) { client in
                #expect(await client.failure() == nil)
            }
            #expect(server.calls.count == 2)
        }
    }

    @Test("A6: a server may ask not to be asked again")
    func pushback() async throws {
        try await Server.serving { _ in
            .trailersOnly(14, fields: [("grpc-retry-pushback-ms", "-1")])
        } while: {
            server,
            address in
            let policies = TargetPolicies(retry: retry(.grpcUnavailable))
            try await withClient(.to([address], policies: policies, meshConfiguration: generous())) { client in
                #expect(await client.failure()?.code == .unavailable)
            }
            #expect(server.calls.count == 1)
        }
    }

    @Test("A6: a stream's messages are sent again from the first one on")
    func replay() async throws {
        try await Server.serving {
            $0.number == 1 ? .trailersOnly(14) : .ok
        } while: { server, address in
            let policies = TargetPolicies(retry: retry(.grpcUnavailable))
            try await withClient(.to([address], policies: policies, meshConfiguration: generous())) { client in
                try await client.chat { writer in
                    for number in 0..<100 { try await writer.write([UInt8](repeating: UInt8(number), count: 100)) }
                } reading: { response in
                    for try await message in response.messages { #expect(message == [42]) }
                }
            }
            #expect(server.calls.map(\.bodyBytes) == [10_500, 10_500])
        }
    }

    @Test("A6: a stream that has sent more than is kept is not tried again")
    func tooMuch() async throws {
        try await Server.serving {
            $0.number == 1 ? .trailersOnly(14) : .ok
        } while: { server, address in
            var configuration = MeshClientTransport.Configuration()
            configuration.replayBytesPerCall = 1000
            let transport = try MeshClientTransport.to(
                [address],
                policies: TargetPolicies(retry: retry(.grpcUnavailable)),
                configuration: configuration,
                meshConfiguration: generous()
            )
            try await withClient(transport) { client in
                let error = await #expect(throws: RPCError.self) {
                    try await client.chat { writer in
                        for _ in 0..<200 { try await writer.write([UInt8](repeating: 0, count: 10_000)) }
                    } reading: { response in
                        for try await _ in response.messages {}
                    }
                }
                #expect(error?.code == .unavailable)
            }
            #expect(server.calls.count == 1)
        }
    }

    @Test("A6: an endpoint that cannot be reached, or refuses the stream, is passed over without a retry policy")
    func transparent() async throws {
        let closed = try await Server.closedPort()
        try await Server.serving { _ in
            .reset(.refusedStream)
        } while: { refusing, refusingAddress in
            try await Server.serving { _ in
                .ok
            } while: { good, goodAddress in
                let transport = try MeshClientTransport.to(
                    [closed, refusingAddress, goodAddress],
                    meshConfiguration: generous()
                )
                try await withClient(transport) { client in
                    for _ in 0..<12 { #expect(await client.failure() == nil) }
                }
                #expect(good.calls.count == 12)
                // They are no attempts.
                #expect(good.calls.allSatisfy { $0["grpc-previous-rpc-attempts"] == nil })
                #expect(refusing.calls.count > 0)
            }
        }
    }

    @Test("whose endpoints all refuse connections are unavailable")
    func unreachable() async throws {
        let closed = [try await Server.closedPort(), try await Server.closedPort()]
        try await withClient(.to(closed, meshConfiguration: generous())) { client in
            #expect(await client.failure()?.code == .unavailable)
        }
    }

    @Test("that grpc-swift tries again by itself are not tried again by the route, too")
    func ownRetries() async throws {
        try await Server.serving { _ in
            .trailersOnly(14)
        } while: { server, address in
            let policies = TargetPolicies(retry: retry(.grpcUnavailable, attempts: 3))
            try await withClient(.to([address], policies: policies, meshConfiguration: generous())) { client in
                var options = CallOptions.defaults
                options.executionPolicy = .retry(.own(attempts: 2))
                #expect(await client.failure(options: options)?.code == .unavailable)
            }
            #expect(server.calls.count == 2)
        }
    }
}

extension GRPCCore.RetryPolicy {
    fileprivate static func own(attempts: Int) -> GRPCCore.RetryPolicy {
        GRPCCore.RetryPolicy(
            maxAttempts: attempts,
            initialBackoff: .milliseconds(1),
            maxBackoff: .milliseconds(1),
            backoffMultiplier: 1,
            retryableStatusCodes: [.unavailable]
        )
    }
}
