// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization
import Tracing

/// The spans of one request: what the tracing observer keeps in `CallContext.observation`.
///
/// A hedged request has several attempts at once, each in its own copy of the context; they share this object and find
/// their span by the attempt's number.
final class RequestSpans: Sendable {
    let request: any Span
    /// What the spans of its attempts are called.
    let attemptName: String
    let method: String
    private let attempts = Mutex<[(number: Int, span: any Span)]>([])

    init(request: any Span, attemptName: String, method: String) {
        self.request = request
        self.attemptName = attemptName
        self.method = method
    }

    func attemptStarted(_ number: Int, span: any Span) {
        attempts.withLock { $0.append((number, span)) }
    }

    /// The attempt's span, for whoever ends it; `nil` if it has been taken already.
    func takeAttempt(_ number: Int) -> (any Span)? {
        attempts.withLock { attempts in
            attempts.firstIndex { $0.number == number }.map { attempts.remove(at: $0).span }
        }
    }

    /// The spans of attempts whose end nobody reported.
    func takeAttempts() -> [any Span] {
        attempts.withLock { attempts in
            defer { attempts = [] }
            return attempts.map(\.span)
        }
    }
}
