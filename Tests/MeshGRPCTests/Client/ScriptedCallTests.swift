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
struct ScriptedCallTests {
    private typealias Server = ScriptedRPCServer

    /// Retries without waiting.
    private func retry(_ conditions: RetryConditions, attempts: Int = 3) -> MeshResilience.RetryPolicy {
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

    private func generous(_ observers: [any Observer] = []) -> MeshConfiguration {
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

    // MARK: Outcomes

    @Test("A50: the status in the trailers is what an attempt comes to")
    func outcomes() async throws {
        try await Server.serving { call in
            switch call.number {
            case 1: .message([1], status: 0)
            case 2: .message([1], status: 13)
            case 3: .trailersOnly(5)
            case 4: .http(502)
            default: .reset(.internalError)
            }
        } while: { _, address in
            let observer = RecordingObserver()
            try await withClient(.to([address], meshConfiguration: generous([observer]))) { client in
                var codes: [RPCError.Code?] = []
                for _ in 0..<5 { codes.append(await client.failure()?.code) }
                #expect(codes == [nil, .internalError, .notFound, .unavailable, .internalError])
            }
            #expect(observer.attempts.map(\.outcome) == [.success, .failure, .failure, .failure, .failure])
        }
    }

    @Test("A50: an endpoint whose calls fail is ejected by their statuses")
    func ejection() async throws {
        try await Server.serving { _ in
            .message([1], status: 14)
        } while: { bad, badAddress in
            try await Server.serving { _ in
                .ok
            } while: { good, goodAddress in
                var detection = OutlierDetection()
                detection.consecutiveFailures = .init(3, enforcing: 100)
                detection.maximumEjectionPercent = 100
                let transport = try MeshClientTransport.to(
                    [badAddress, goodAddress],
                    policies: TargetPolicies(outlierDetection: detection),
                    meshConfiguration: generous()
                )
                try await withClient(transport) { client in
                    for _ in 0..<40 { _ = await client.failure() }
                }
                #expect(bad.calls.count == 3)
                #expect(good.calls.count == 37)
            }
        }
    }

    @Test("that their caller lets go say nothing about the endpoint")
    func ignored() async throws {
        try await Server.serving { _ in
            .message([1], status: 0)
        } while: { _, address in
            let observer = RecordingObserver()
            try await withClient(.to([address], meshConfiguration: generous([observer]))) { client in
                try await client.chat {
                    try await $0.write([1])
                } reading: { _ in
                }
            }
            #expect(observer.attempts.map(\.outcome) == [.ignored])
        }
    }

    // MARK: The wire

    @Test("say on the wire what gRPC over HTTP/2 wants")
    func wire() async throws {
        try await Server.serving { _ in
            .ok
        } while: { server, address in
            var configuration = MeshClientTransport.Configuration()
            configuration.userAgent = "test/1"
            let transport = try MeshClientTransport.to(
                [address],
                configuration: configuration,
                meshConfiguration: generous()
            )
            try await withClient(transport) { client in
                var options = CallOptions.defaults
                options.timeout = .seconds(60)
                _ = try await client.echo(metadata: ["x-user": "ann", "grpc-timeout": "1n"], options: options)
            }
            let call = try #require(server.calls.first)
            #expect(call[":method"] == "POST")
            #expect(call[":path"] == "/mesh.Echo/Unary")
            #expect(call[":scheme"] == "http")
            #expect(call[":authority"] == "\(address)")
            #expect(call["te"] == "trailers")
            #expect(call["user-agent"] == "test/1 grpc-swift-service-mesh")
            #expect(call["content-type"] == "application/grpc")
            #expect(call["grpc-accept-encoding"] == "identity")
            #expect(call["x-user"] == "ann")
            #expect(call["x-envoy-expected-rq-timeout-ms"] == nil)
            #expect(call["content-length"] == nil)
            #expect(call.count(of: "grpc-timeout") == 1)
            let timeout = try #require(call["grpc-timeout"].flatMap { TimeoutHeaders.grpcTimeout($0) })
            #expect(timeout > .seconds(30) && timeout <= .seconds(60))
        }
    }

    @Test("A31: the route's longest stream bounds a call, and its timeout does not")
    func streamDuration() async throws {
        try await Server.serving { _ in
            .ok
        } while: { server, address in
            let policies = TargetPolicies { _, route in
                guard case .forward(var forward) = route.action else { return }
                forward.timeout = .seconds(7)
                forward.sparesCalls = true
                forward.streamDuration = StreamDurationLimit(maximum: .seconds(20), maximumOfHeader: .seconds(5))
                route.action = .forward(forward)
            }
            try await withClient(.to([address], policies: policies, meshConfiguration: generous())) { client in
                _ = try await client.echo()
            }
            let text = try #require(server.calls.first?["grpc-timeout"])
            let timeout = try #require(TimeoutHeaders.grpcTimeout(text))
            #expect(timeout > .seconds(3) && timeout <= .seconds(5))
        }
    }

    @Test("A31: a call without a limit has none, whatever the route's timeout")
    func noDeadline() async throws {
        try await Server.serving { _ in
            .ok
        } while: { server, address in
            let policies = TargetPolicies { _, route in
                guard case .forward(var forward) = route.action else { return }
                forward.timeout = .seconds(7)
                forward.sparesCalls = true
                route.action = .forward(forward)
            }
            try await withClient(.to([address], policies: policies, meshConfiguration: generous())) { client in
                _ = try await client.echo()
            }
            #expect(server.calls.map { $0["grpc-timeout"] } == [nil])
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
