// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import GRPCCore
import MeshCore
import MeshResilience
import MeshTesting
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite(.timeLimit(.minutes(2))) struct RateLimitServiceClientIntegrationTests {
    private typealias Request = ScriptedRateLimitServer.Request
    private typealias Response = ScriptedRateLimitServer.Response

    private let alice = [RateLimitDescriptor([.init("user", "alice")])]

    /// Runs a client beside `body`.
    private func withClient(
        _ address: EndpointAddress,
        clock: any MeshClock = SystemClock(),
        _ body: (RateLimitServiceClient) async throws -> Void
    ) async throws {
        let client = try RateLimitServiceClient(address: address, clock: clock)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await client.run() }
            try await body(client)
            client.beginGracefulShutdown()
            // It ends by itself: nobody cancels it.
            try await group.waitForAll()
        }
    }

    private func ask(
        _ client: RateLimitServiceClient,
        _ descriptors: [RateLimitDescriptor]? = nil,
        hits: UInt32 = 0,
        deadline: Deadline = .never
    ) async throws -> RateLimitVerdict {
        try await client.shouldRateLimit(
            domain: "shop",
            descriptors: descriptors ?? alice,
            hits: hits,
            deadline: deadline
        )
    }

    // MARK: Questions

    @Test func `a question has the domain, the hits and each descriptor as the service's protocol has them`()
        async throws
    {
        let server = ScriptedRateLimitServer { _ in Response.with { $0.overallCode = .ok } }
        try await server.serving { address in
            try await withClient(address) { client in
                // The protocol has no weeks.
                let units = RateLimitUnit.allCases.filter { $0 != .week }
                _ = try await ask(
                    client,
                    [
                        RateLimitDescriptor([.init("user", "alice"), .init("path", "/a b"), .init("user", "é")]),
                        RateLimitDescriptor([.init("empty", "")], hits: 7),
                        RateLimitDescriptor([.init("back", "x")], hits: UInt64(UInt32.max) + 1, refunds: true),
                        RateLimitDescriptor([.init("told", "x")], headers: .draft03),
                    ]
                        + units.map {
                            RateLimitDescriptor([.init("u", "v")], limit: .init(requestsPerUnit: 5, unit: $0))
                        },
                    hits: 3
                )
                _ = try await ask(client)
                typealias Descriptor = Envoy_Extensions_Common_Ratelimit_V3_RateLimitDescriptor
                func descriptor(_ entries: (String, String)..., change: (inout Descriptor) -> Void = { _ in })
                    -> Descriptor
                {
                    Descriptor.with { message in
                        message.entries = entries.map { key, value in
                            Descriptor.Entry.with { ($0.key, $0.value) = (key, value) }
                        }
                        change(&message)
                    }
                }
                let wire: [Envoy_Type_V3_RateLimitUnit] = [.second, .minute, .hour, .day, .month, .year]
                let first = Request.with { message in
                    message.domain = "shop"
                    message.hitsAddend = 3
                    message.descriptors = [
                        descriptor(("user", "alice"), ("path", "/a b"), ("user", "é")),
                        descriptor(("empty", "")) { $0.hitsAddend = 7 },
                        descriptor(("back", "x")) {
                            $0.hitsAddend = 4_294_967_296
                            $0.isNegativeHits = true
                        },
                        // What answers tell is decided here.
                        descriptor(("told", "x")),
                    ]
                    message.descriptors += wire.map { unit in
                        descriptor(("u", "v")) {
                            $0.limit.requestsPerUnit = 5
                            $0.limit.unit = unit
                        }
                    }
                }
                #expect(units.count == wire.count)
                let asked = server.questions
                #expect(asked.count == 2)
                #expect(asked.first == first)
                let second = Request.with { message in
                    message.domain = "shop"
                    message.descriptors = [descriptor(("user", "alice"))]
                }
                #expect(asked.last == second)
                #expect(asked.last?.descriptors.first?.hasHitsAddend == false)
                #expect(asked.last?.descriptors.first?.hasLimit == false)
            }
        }
    }

    // MARK: Answers

    @Test func `a request below its limits passes with what the service adds`() async throws {
        let response = Response.with { message in
            message.overallCode = .ok
            message.statuses = [
                .with { status in
                    status.code = .ok
                    status.currentLimit = .with { ($0.name, $0.requestsPerUnit, $0.unit) = ("per user", 10, .minute) }
                    status.limitRemaining = 4
                    status.durationUntilReset = .with { ($0.seconds, $0.nanos) = (12, 500_000_000) }
                },
                .with { $0.code = .ok },
            ]
            message.responseHeadersToAdd = [.with { ($0.key, $0.value) = ("x-plan", "free") }]
            message.requestHeadersToAdd = [
                .with { ($0.key, $0.value) = ("X-User", "alice") },
                // A field that HTTP does not allow must not break the request.
                .with { ($0.key, $0.value) = ("no name", "x") },
                .with { ($0.key, $0.rawValue) = ("x-raw", Data([0x61, 0x62])) },
            ]
            message.dynamicMetadata = ["quota": .init(numberValue: 4), "tags": .init(listValue: ["a", true])]
        }
        try await ScriptedRateLimitServer { _ in response }.serving { address in
            try await withClient(address) { client in
                let verdict = try await ask(client)
                #expect(
                    verdict
                        == RateLimitVerdict(
                            statuses: [
                                .init(
                                    limit: .init(name: "per user", requestsPerUnit: 10, unit: .minute),
                                    remaining: 4,
                                    reset: .milliseconds(12_500)
                                ),
                                .init(),
                            ],
                            responseHeaders: [.init("x-plan", "free")],
                            requestHeaders: [.init("x-user", "alice"), .init("x-raw", "ab")],
                            metadata: ["quota": .number(4), "tags": .list([.text("a"), .boolean(true)])]
                        )
                )
                let limiter = try limiter(client)
                let passage = try await limiter.ask(RateLimitQuestion(limiter, descriptors: alice))
                #expect(passage.requestHeaders == verdict.requestHeaders && passage.metadata == verdict.metadata)
            }
        }
    }

    @Test func `a request above a limit is refused with the service's words`() async throws {
        let response = Response.with { message in
            message.overallCode = .overLimit
            message.statuses = [
                .with { $0.code = .ok },
                .with { status in
                    status.code = .overLimit
                    status.currentLimit = .with { ($0.requestsPerUnit, $0.unit) = (1, .week) }
                    status.durationUntilReset = .with { $0.seconds = 30 }
                },
            ]
            message.responseHeadersToAdd = [.with { ($0.key, $0.value) = ("x-plan", "free") }]
            message.rawBody = Data("slow down".utf8)
        }
        let observer = RecordingObserver()
        try await ScriptedRateLimitServer { _ in response }.serving { address in
            try await withClient(address) { client in
                let verdict = try await ask(client)
                #expect(verdict.isOverLimit && verdict.body == "slow down")
                #expect(verdict.statuses.map(\.isOverLimit) == [false, true])
                #expect(verdict.statuses.last?.limit?.unit == .week)
                let limiter = try limiter(client, observer: observer)
                let error = await #expect(throws: MeshError.self) {
                    try await limiter.ask(RateLimitQuestion(limiter, descriptors: alice))
                }
                #expect(error?.code == .rateLimited && error?.retryAfter == .seconds(30))
                #expect(
                    error?.localReply
                        == LocalReply(
                            status: 429,
                            body: "slow down",
                            headers: [.init("x-plan", "free"), .init("x-envoy-ratelimited", "true")]
                        )
                )
            }
        }
    }

    @Test func `an answer that says nothing lets the request pass`() async throws {
        try await ScriptedRateLimitServer { _ in Response() }.serving { address in
            try await withClient(address) { client in
                let verdict = try await ask(client)
                #expect(verdict == RateLimitVerdict())
            }
        }
    }

    // MARK: Failures

    @Test func `an error of the service is no answer, and the mode of failure decides`() async throws {
        let server = ScriptedRateLimitServer { _ in throw RPCError(code: .internalError, message: "no database") }
        try await server.serving { address in
            try await withClient(address) { client in
                let thrown = await #expect(throws: RPCError.self) { try await ask(client) }
                #expect(thrown?.code == .internalError)
                let open = try limiter(client)
                let passage = try await open.ask(RateLimitQuestion(open, descriptors: alice))
                #expect(passage.isEmpty)
                let closed = try limiter(client, refusesOnFailure: true)
                let error = await #expect(throws: MeshError.self) {
                    try await closed.ask(RateLimitQuestion(closed, descriptors: alice))
                }
                #expect(error?.code == .rateLimitUnavailable && error?.localReply?.status == 500)
                #expect((error?.cause as? RPCError)?.code == .internalError)
            }
        }
    }

    @Test func `a service that is not there is said to be not there, and is not waited for`() async throws {
        let gone = try await addressOfNobody()
        try await withClient(gone) { client in
            let thrown = await #expect(throws: RPCError.self) { try await ask(client) }
            #expect(thrown?.code == .unavailable)
            let open = try limiter(client)
            let passage = try await open.ask(RateLimitQuestion(open, descriptors: alice))
            #expect(passage.isEmpty)
            let closed = try limiter(client, refusesOnFailure: true)
            let error = await #expect(throws: MeshError.self) {
                try await closed.ask(RateLimitQuestion(closed, descriptors: alice))
            }
            #expect(error?.code == .rateLimitUnavailable)
        }
    }

    /// Where nobody listens any more.
    private func addressOfNobody() async throws -> EndpointAddress {
        var gone = EndpointAddress(host: "127.0.0.1", port: 0)
        try await ScriptedRateLimitServer { _ in Response() }.serving { gone = $0 }
        return gone
    }

    @Test func `a client that has stopped answers nothing, and says so`() async throws {
        try await ScriptedRateLimitServer { _ in Response() }.serving { address in
            let client = try RateLimitServiceClient(address: address)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await client.run() }
                _ = try await ask(client)
                client.beginGracefulShutdown()
                try await group.waitForAll()
            }
            await #expect(throws: (any Error).self) { try await ask(client) }
        }
    }

    @Test func `the question ends at its deadline, and the service hears of it`() async throws {
        let server = ScriptedRateLimitServer { $0.hitsAddend == 1 ? Response() : nil }
        try await server.serving { address in
            try await withClient(address) { client in
                // With a connection at hand the question is sent long before its deadline.
                _ = try await ask(client, hits: 1)
                let clock = SystemClock()
                let soon = Deadline(.milliseconds(200), after: clock.now)
                let thrown = await #expect(throws: RPCError.self) { try await ask(client, deadline: soon) }
                #expect(thrown?.code == .deadlineExceeded)
                #expect(clock.now >= soon.instant)
                let past = Deadline(MeshInstant(nanoseconds: 0))
                let late = await #expect(throws: RPCError.self) { try await ask(client, deadline: past) }
                #expect(late?.code == .deadlineExceeded)
                for await _ in server.released { break }
            }
        }
    }

    @Test func `no request is held longer than the limiter's timeout, whatever the service does`() async throws {
        let clock = ManualClock()
        let server = ScriptedRateLimitServer { _ in nil }
        try await server.serving { address in
            try await withClient(address, clock: clock) { client in
                let limiter = try limiter(client, clock: clock)
                let question = RateLimitQuestion(limiter, descriptors: alice)
                async let passage = limiter.ask(question)
                for await _ in server.held { break }
                await clock.waitForSleepers()
                clock.advance(by: .seconds(60))
                let allowed = try await passage
                #expect(allowed.isEmpty)
                // Who asked is gone, and the service is told.
                for await _ in server.released { break }
            }
        }
    }

    @Test func `a caller that gives up takes its question back`() async throws {
        let server = ScriptedRateLimitServer { _ in nil }
        try await server.serving { address in
            try await withClient(address) { client in
                let limiter = try limiter(client, refusesOnFailure: true)
                try await withThrowingTaskGroup(of: (any Error)?.self) { group in
                    group.addTask {
                        do {
                            _ = try await limiter.ask(RateLimitQuestion(limiter, descriptors: alice))
                            return nil
                        } catch {
                            return error
                        }
                    }
                    for await _ in server.held { break }
                    group.cancelAll()
                    let error = try await group.next() ?? nil
                    #expect(error is CancellationError)
                }
                for await _ in server.released { break }
            }
        }
    }
}

extension GlobalRateLimiter.Passage {
    /// Whether a request passes with nothing.
    fileprivate var isEmpty: Bool { requestHeaders.isEmpty && responseHeaders.isEmpty && metadata.isEmpty }
}
