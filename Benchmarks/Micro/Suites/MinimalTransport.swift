// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// A request that costs nothing to look at.
struct MinimalRequest: RequestHead {
    var method = "GET"
    var scheme: String? { "http" }
    var authority: String? = "reviews"
    var path = "/reviews/7"
    var isReplayable: Bool { true }
    var header: (name: HeaderName, value: String)?

    func value(of name: HeaderName) -> String? { header?.name == name ? header?.value : nil }
    func hasValue(of name: HeaderName, where condition: (String) -> Bool) -> Bool {
        if let header, header.name == name { condition(header.value) } else { false }
    }
    mutating func setValue(_ value: String, for name: HeaderName) { header = (name, value) }
    mutating func appendValue(_ value: String, for name: HeaderName) { header = (name, value) }
    mutating func removeValues(of name: HeaderName) { header = nil }
}

/// A response that is a number.
struct MinimalResponse: ResponseHead {
    var statusCode: Int
    func value(of name: HeaderName) -> String? { nil }
    mutating func setValue(_ value: String, for name: HeaderName) {}
    mutating func appendValue(_ value: String, for name: HeaderName) {}
    mutating func removeValues(of name: HeaderName) {}
}

/// A network that answers at once: what is left is the cost of what stands around it.
struct MinimalTransport: Transport {
    @inline(never)
    func send(_ request: MinimalRequest, context: inout CallContext) async throws -> MinimalResponse {
        context.requestState = .answered
        context.openExchanges += 1
        return MinimalResponse(statusCode: 200)
    }

    @inline(never)
    func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        context.openExchanges -= 1
    }
}

/// A network that answers after giving way once.
struct SuspendingTransport: Transport {
    @inline(never)
    func send(_ request: MinimalRequest, context: inout CallContext) async throws -> MinimalResponse {
        await Task.yield()
        context.requestState = .answered
        context.openExchanges += 1
        return MinimalResponse(statusCode: 200)
    }

    @inline(never)
    func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        context.openExchanges -= 1
    }
}

/// A context as an adapter makes one. Not inlined, so that it costs the same in every benchmark.
@inline(never)
private func makeContext(_ now: MeshInstant) -> CallContext {
    CallContext(now: now)
}

/// Repeats one exchange. Specialised for each stack, as an adapter's own code is.
@inline(__always)
func exchange<Stack: Transport>(
    _ stack: Stack,
    _ iterations: Int,
    _ request: MinimalRequest = MinimalRequest()
) async where Stack.Request == MinimalRequest, Stack.Response == MinimalResponse {
    let now = SystemClock().now
    for _ in 0..<iterations {
        var context = makeContext(now)
        guard (try? await stack.send(request, context: &context)) != nil else { fatalError("a benchmark failed") }
        stack.finish(&context, .completed)
    }
}
