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

extension ScriptedCallIntegrationTests {
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
            #expect(call["grpc-accept-encoding"] == "identity,deflate,gzip")
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
