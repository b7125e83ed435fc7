// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

extension CORSPolicy {
    /// Decides about a request.
    /// - Parameters:
    ///   - request: The request as the caller sent it.
    ///   - facts: What else is known of it: they say in which shares it is.
    public func decision(for request: some RequestHead, facts: RoutingFacts) -> CORSDecision {
        decision(for: request, isEnabled: enabled.contains(facts), isObserved: observed.contains(facts))
    }

    /// Decides about a request.
    /// - Parameters:
    ///   - request: The request as the caller sent it.
    ///   - isEnabled: Whether the request is in the share `enabled`.
    ///   - isObserved: Whether the request is in the share `observed`; matters only where it is not in `enabled`.
    /// - Complexity: One look for `origin` where no page sent the request.
    public func decision(
        for request: some RequestHead,
        isEnabled: Bool,
        isObserved: @autoclosure () -> Bool
    ) -> CORSDecision {
        guard let origin = request.value(of: "origin"), !origin.isEmpty, isEnabled || isObserved() else {
            return .nothing
        }
        let isValid = origins.contains { $0.matches("*") || $0.matches(origin) }
        guard isEnabled else { return CORSDecision(isOriginValid: isValid, preflight: nil, fields: []) }
        let requestedMethod = request.value(of: "access-control-request-method") ?? ""
        guard request.method == "OPTIONS", !requestedMethod.isEmpty, isValid || !forwardsOtherPreflights else {
            return CORSDecision(isOriginValid: isValid, preflight: nil, fields: isValid ? fields(for: origin) : [])
        }
        var reply = LocalReply(status: 200)
        if isValid { reply.headers = fields(for: origin) }
        if allowsCredentials == true { reply.setValue("true", for: "access-control-allow-credentials") }
        if !methods.isEmpty {
            reply.setValue(methods == "*" ? requestedMethod : methods, for: "access-control-allow-methods")
        }
        if !headers.isEmpty {
            let requested = headers == "*" ? request.value(of: "access-control-request-headers") ?? "" : headers
            reply.setValue(requested, for: "access-control-allow-headers")
        }
        if !maximumAge.isEmpty { reply.setValue(maximumAge, for: "access-control-max-age") }
        if allowsPrivateNetwork == true, request.value(of: "access-control-request-private-network") == "true" {
            reply.setValue("true", for: "access-control-allow-private-network")
        }
        return CORSDecision(isOriginValid: isValid, preflight: reply, fields: [])
    }

    /// What every response for a page of an allowed origin says.
    private func fields(for origin: String) -> [LocalReply.Header] {
        var fields = [LocalReply.Header("access-control-allow-origin", origin)]
        if allowsCredentials == true { fields.append(.init("access-control-allow-credentials", "true")) }
        if !exposedHeaders.isEmpty { fields.append(.init("access-control-expose-headers", exposedHeaders)) }
        return fields
    }
}
