// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import MeshTesting
import Testing

/// What a real Envoy 1.40 tells upstreams in `x-envoy-expected-rq-timeout-ms`.
@Suite struct RequestTimeoutsTests {
    /// `(route, attempt, caller's timeout, caller's attempt, told)` in milliseconds.
    static let known: [(UInt64?, UInt64?, UInt64?, UInt64?, UInt64?)] = [
        (5000, 2000, nil, nil, 2000), (5000, 2000, 1000, nil, 1000), (5000, 2000, nil, 1000, 1000),
        (5000, 2000, 0, nil, 2000),
        (5000, 2000, 0, 9000, 9000), (5000, 2000, 1000, 1000, 1000), (5000, 2000, nil, 0, 5000),
        (4000, nil, nil, nil, 4000),
        (4000, nil, 1000, nil, 1000), (4000, nil, nil, 1000, 1000), (4000, nil, 0, nil, nil),
        (4000, nil, 0, 9000, 9000),
        (0, nil, nil, nil, nil), (0, nil, 1000, nil, 1000), (0, nil, nil, 1000, 1000), (nil, nil, nil, nil, nil),
        (nil, nil, 0, 9000, 9000), (nil, 2000, nil, nil, 2000), (1000, 5000, nil, nil, 1000),
        (1000, 1000, nil, nil, 1000),
    ]

    @Test(arguments: known)
    func `the caller's word takes precedence over the route's`(
        route: UInt64?,
        attempt: UInt64?,
        wished: UInt64?,
        wishedAttempt: UInt64?,
        told: UInt64?
    ) {
        let timeouts = RequestTimeouts(
            route: route.map(Nanoseconds.milliseconds),
            attempt: attempt.map(Nanoseconds.milliseconds),
            wishes: CallerWishes(
                timeout: wished.map(Nanoseconds.milliseconds),
                attemptTimeout: wishedAttempt.map(Nanoseconds.milliseconds)
            )
        )
        #expect(timeouts.expectedMilliseconds(after: .zero) == told)
    }

    @Test func `an attempt as long as the request has no limit of its own`() {
        #expect(RequestTimeouts(route: .seconds(1), attempt: .seconds(1)).attempt == .zero)
        #expect(RequestTimeouts(route: .seconds(2), attempt: .seconds(1)).attempt == .seconds(1))
        #expect(RequestTimeouts(route: nil, attempt: .seconds(1)).attempt == .seconds(1))
    }

    /// `(attempt, elapsed, told)` in milliseconds of a request that may take 1000.
    static let later: [(UInt64?, UInt64, UInt64)] = [
        (nil, 400, 600), (300, 400, 300), (300, 800, 200), (300, 1000, 1), (nil, 5000, 1), (nil, 999, 1),
    ]

    @Test(arguments: later)
    func `later attempts have what is left`(attempt: UInt64?, elapsed: UInt64, told: UInt64) {
        let timeouts = RequestTimeouts(route: .seconds(1), attempt: attempt.map(Nanoseconds.milliseconds))
        #expect(timeouts.expectedMilliseconds(after: .milliseconds(elapsed)) == told)
    }

    @Test func `attempts beside each other may take as long as the request`() {
        let hedged = RequestTimeouts(route: .seconds(5), attempt: .seconds(1), hedgesOnAttemptTimeout: true)
        #expect(hedged.expectedMilliseconds(after: .zero) == 5000)
        let unhedged = RequestTimeouts(
            route: .seconds(5),
            attempt: .seconds(1),
            hedgesOnAttemptTimeout: true,
            wishes: CallerWishes(hedgesOnAttemptTimeout: false)
        )
        #expect(unhedged.expectedMilliseconds(after: .zero) == 1000)
        let wished = RequestTimeouts(
            route: .seconds(5),
            attempt: .seconds(2),
            wishes: CallerWishes(attemptTimeout: .seconds(1), hedgesOnAttemptTimeout: true)
        )
        #expect(wished.expectedMilliseconds(after: .zero) == 5000)
    }

    @Test func `less than a millisecond is told as one, since zero is no limit`() {
        let short = RequestTimeouts(route: Nanoseconds(rawValue: 10))
        #expect(short.expectedMilliseconds(after: .zero) == 1)
        #expect(RequestTimeouts(route: nil, attempt: Nanoseconds(rawValue: 10)).expectedMilliseconds(after: .zero) == 1)
    }

    /// What a real Envoy 1.40 tells gRPC upstreams: a maximum of 7 s, one of 2 s for the header, and 0.5 s taken off.
    static let streams: [(String?, String)] = [
        (nil, "7000m"), ("1S", "500m"), ("9S", "1500m"), ("50m", "0m"), ("1H", "1500m"), ("0S", "0m"), ("bad", "7000m"),
        ("100m", "0m"), ("99999999H", "1500m"),
    ]

    @Test(arguments: streams)
    func `grpc-timeout is heeded within its bounds`(header: String?, told: String) {
        let limits = StreamDurationLimit(
            maximum: .seconds(7),
            maximumOfHeader: .seconds(2),
            headerOffset: .milliseconds(500)
        )
        var request = InMemoryRequest()
        if let header { request.setValue(header, for: "grpc-timeout") }
        StreamDurationLimit.announce(limits.limit(for: request), in: &request)
        #expect(request.values(of: "grpc-timeout") == [told])
    }

    @Test func `without a bound for the header it is left aside`() {
        var request = InMemoryRequest(headers: [("grpc-timeout", "1S")])
        #expect(StreamDurationLimit(maximum: .seconds(7)).limit(for: request) == .seconds(7))
        #expect(StreamDurationLimit(maximum: .zero).limit(for: request, fallback: .seconds(3)) == nil)
        #expect(StreamDurationLimit().limit(for: request, fallback: .seconds(3)) == .seconds(3))
        #expect(StreamDurationLimit(maximumOfHeader: .zero).limit(for: request) == .seconds(1))
        StreamDurationLimit.announce(nil, in: &request)
        #expect(request.headers.isEmpty)
    }

    @Test func `a limit too long for eight digits is told in a greater unit`() {
        var request = InMemoryRequest()
        StreamDurationLimit.announce(.seconds(100_000), in: &request)
        #expect(request.value(of: "grpc-timeout") == "100000S")
        StreamDurationLimit.announce(.forever, in: &request)
        #expect(request.value(of: "grpc-timeout") == "5124095H")
    }
}
