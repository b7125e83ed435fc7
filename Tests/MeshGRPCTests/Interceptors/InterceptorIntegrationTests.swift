// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import GRPCNIOTransportHTTP2
import MeshConfig
import MeshCore
import MeshGRPC
import MeshResilience
import MeshRouting
import MeshSecurity
import MeshTesting
import ServiceMesh
import Testing

/// Interceptors on grpc-swift's own transport.
@Suite(.timeLimit(.minutes(5))) struct InterceptorIntegrationTests {
    private static let address = EndpointAddress(host: "0.0.0.0", port: 9080)
    private static let once = EchoService { request, _ in
        for try await _ in request.messages {}
        return StreamingServerResponse { writer in
            try await writer.write("\(InboundContext.current?.deadline.isNever == false)")
            return [:]
        }
    }

    /// Calls a server of grpc-swift's own, and returns what it answered.
    private func call(
        _ service: EchoService = once,
        _ interceptors: [any ServerInterceptor],
        times: Int = 1,
        metadata: Metadata = [:]
    ) async throws -> [Result<String, RPCError>] {
        try await withGRPCServer(
            transport: .http2NIOPosix(address: .ipv4(host: "127.0.0.1", port: 0), transportSecurity: .plaintext),
            services: [service],
            interceptors: interceptors
        ) { server in
            let port = try await server.transport.listeningAddress.ipv4?.port ?? 0
            let address = EndpointAddress(host: "127.0.0.1", port: UInt16(port))
            return try await withPlainRPCClient(to: address) { client in
                var answers: [Result<String, RPCError>] = []
                for _ in 0..<times {
                    let answer = await Self.outcome {
                        try await client.unary(
                            request: ClientRequest(message: "a", metadata: metadata),
                            descriptor: EchoService.method(.unary),
                            serializer: TextCoder(),
                            deserializer: TextCoder(),
                            options: .defaults
                        ) { response in try response.message }
                    }
                    answers.append(answer)
                }
                return answers
            }
        }
    }

    private static func outcome(_ call: () async throws -> String) async -> Result<String, RPCError> {
        do {
            return .success(try await call())
        } catch {
            return .failure(error as? RPCError ?? RPCError(code: .unknown, message: "\(error)"))
        }
    }

    private func code(_ result: Result<String, RPCError>?) -> RPCError.Code? {
        if case .failure(let error)? = result { error.code } else { nil }
    }

    @Test func `the whole stack authorizes, limits and records`() async throws {
        let observer = RecordingObserver()
        let mesh = try Mesh(MeshConfiguration(observers: [observer]))
        let marked = AuthorizationPolicy(
            name: "marked",
            permissions: [.header(HeaderMatcher("x-mark", .value(StringMatcher(.exact("yes")))))],
            principals: [.any]
        )
        let listener = Listener(
            name: "inbound",
            direction: .inbound(address: Self.address, security: .plaintext),
            filters: [.authorization(AuthorizationRules(action: .allow, policies: [marked]))],
            routes: .inline(RouteConfiguration(name: "r", virtualHosts: []))
        )
        try mesh.apply(MeshResources(listeners: [listener]))
        let stack = InboundStack(mesh: mesh, address: Self.address)
        let interceptor = MeshServerInterceptor(stack)
        let refused = try await call(Self.once, [interceptor])
        #expect(code(refused.first) == .permissionDenied)
        let passed = try await call(Self.once, [interceptor], metadata: ["x-mark": "yes", "grpc-timeout": "100S"])
        #expect(try passed.first?.get() == "true")
        #expect(observer.requests.map(\.rpcStatus) == [7, 0])
        #expect(observer.requests.map(\.path) == ["/test.Echo/Unary", "/test.Echo/Unary"])
        #expect(stack.drain.requestsUnderWay == 0)
    }

    @Test func `a rate is held to, and callers are told when to come again`() async throws {
        let limiter = try RateLimiter(
            RateLimitConfiguration(maximumTokens: 1, tokensPerFill: 1, fillInterval: .seconds(60)),
            clock: ManualClock()
        )
        let answers = try await call(Self.once, [RateLimitInterceptor(limiter)], times: 2)
        #expect(code(answers.first) == nil)
        #expect(code(answers.last) == .resourceExhausted)
    }

    @Test func `rules without a stack refuse by method`() async throws {
        let other = AuthorizationPolicy(
            name: "other",
            permissions: [.path(StringMatcher(.exact("/test.Echo/Other")))],
            principals: [.any]
        )
        let rules = AuthorizationRules(action: .allow, policies: [other])
        let answers = try await call(Self.once, [AuthorizationInterceptor([rules])])
        #expect(code(answers.first) == .permissionDenied)
        let inverse = AuthorizationRules(action: .deny, policies: [other])
        #expect(code(try await call(Self.once, [AuthorizationInterceptor([inverse])]).first) == nil)
    }

    @Test func `a handler that takes longer than the server lets it is cancelled`() async throws {
        let endless = EchoService { _, _ in
            StreamingServerResponse { _ in
                // A clock that stands still.
                try await ManualClock().sleep(until: MeshInstant(nanoseconds: .max))
                return [:]
            }
        }
        let answers = try await call(endless, [DeadlineInterceptor(maximum: .milliseconds(20))])
        #expect(code(answers.first) == .deadlineExceeded)
    }
}
