// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What a peer said about trying again.
public enum RetryPushback: Hashable, Sendable {
    /// Nothing.
    case none
    /// Not before that time, which is spread upwards by up to a half so that not everybody comes at once
    /// (`Retry-After`, `x-ratelimit-reset`; Envoy's `JitteredLowerBoundBackOffStrategy`).
    case notBefore(Nanoseconds)
    /// After exactly that time, and the back-off's sequence begins again (gRPC's pushback).
    case exactly(Nanoseconds)
    /// Not at all.
    case stop
}

extension RetryPushback {
    /// Reads `grpc-retry-pushback-ms`: a negative number and what is no number stop (gRFC A6).
    /// - Parameter text: The field's value.
    public init(grpc text: String) {
        let digits = text.utf8.first == UInt8(ascii: "+") ? "" : text
        // gRPC's own field is a 32-bit number; more than that is no valid pushback.
        guard let count = Int32(digits), count >= 0 else {
            self = .stop
            return
        }
        self = .exactly(.milliseconds(UInt64(count)))
    }

    /// What the head of a failed response says.
    init(_ response: some ResponseHead, _ policy: RetryPolicy, _ wallClock: WallClock) {
        // Envoy: whoever sheds load asks not to be asked again, and so does a rate limit unless the policy names it.
        if response.value(of: "x-envoy-overloaded") != nil {
            self = .stop
        } else if !policy.conditions.contains(.envoyRateLimited), response.value(of: "x-envoy-ratelimited") != nil {
            self = .stop
        } else if policy.honoursGRPCPushback, let text = response.value(of: "grpc-retry-pushback-ms") {
            self.init(grpc: text)
        } else if let wait = policy.rateLimitedBackoff?.wait(in: response, wallClock: wallClock) {
            self = .notBefore(wait)
        } else {
            self = .none
        }
    }

    /// The wait that it asks for; `nil` where the back-off decides.
    func wait(random: UInt64) -> Nanoseconds? {
        switch self {
        case .none, .stop: return nil
        case .exactly(let time): return time
        case .notBefore(let time):
            let spread = random.multipliedFullWidth(by: time.rawValue / 2).high
            let (sum, overflow) = time.rawValue.addingReportingOverflow(spread)
            return Nanoseconds(rawValue: overflow ? .max : sum)
        }
    }
}
