// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import MeshHTTP
import NIOCore

/// A request that AsyncHTTPClient carries, once its response's head is there.
protocol ClientExchange: ForeignBody {
    /// The consumer of the response is done with it.
    func finish()
}

extension ClientExchange {
    /// AsyncHTTPClient drops them.
    var trailers: HTTPFields? { nil }
}

/// What the opening of an exchange gives.
struct OpenedExchange: Sendable {
    var head: HTTPResponse
    var exchange: any ClientExchange
}

/// When an exchange ends, as event loops count; `nil` for never.
struct ExchangeTiming: Sendable {
    /// When it ends, complete or not.
    var deadline: Deadline
    /// The same, for an event loop.
    var loopDeadline: NIODeadline?
    /// When it ends if the response's head has not come; `nil` if that is not earlier.
    var headLoopDeadline: NIODeadline?

    init(_ context: CallContext, now: MeshInstant) {
        deadline = context.deadline
        guard !context.headDeadline.isNever else { return }
        let loopNow = NIODeadline.now()
        if !context.deadline.isNever {
            loopDeadline = loopNow + TimeAmount(context.deadline.remaining(at: now))
        }
        if context.attemptDeadline < context.deadline {
            headLoopDeadline = loopNow + TimeAmount(context.attemptDeadline.remaining(at: now))
        }
    }
}

extension TimeAmount {
    /// The same span; what does not fit becomes 146 years, so that an instant plus a span still fits.
    init(_ span: Nanoseconds) {
        self = .nanoseconds(Int64(clamping: min(span.rawValue, UInt64(Int64.max / 2))))
    }
}
