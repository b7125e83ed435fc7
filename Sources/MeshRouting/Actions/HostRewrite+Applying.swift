// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

extension HostRewrite {
    /// The authority that a request gets; `nil` if it keeps its own, or gets that of an endpoint not picked yet.
    public func authority(for request: some RequestHead) -> String? {
        let host: String
        switch self {
        case .literal(let literal): host = literal
        case .endpoint: return nil
        // Anybody may have sent the header: only its first value counts.
        case .header(let name): host = request.firstValue(of: name) ?? ""
        case .path(let substitution): host = substitution.applied(to: request.path.barePath)
        }
        return host.isEmpty ? nil : host
    }
}

extension RequestHead {
    /// The first value of a header or pseudo header, or all of them where Envoy holds them as one.
    func firstValue(of name: HeaderName) -> String? {
        if name.isOfRequestLine { return name.lowercased == "host" ? authority : fieldOrPseudoField(name) }
        return name.isListInEnvoy ? value(of: name) : values(of: name).first
    }

    /// Gives the request another authority, and notes the one that it had where that is asked for.
    /// - Parameters:
    ///   - host: The new authority.
    ///   - appendsForwardedHost: Whether the old one goes behind the others of `x-forwarded-host`, unless it is the last
    ///     of them already.
    ///   - keepsOriginal: Whether the old one becomes the value of `x-envoy-original-host`.
    mutating func replaceAuthority(by host: String, appendsForwardedHost: Bool, keepsOriginal: Bool) {
        if let old = authority, !old.isEmpty {
            if appendsForwardedHost { appendForwardedHost(old) }
            if keepsOriginal { setValue(old, for: EnvoyHeader.originalHost) }
        }
        authority = host
    }

    private mutating func appendForwardedHost(_ host: String) {
        let name: HeaderName = "x-forwarded-host"
        guard let known = value(of: name), !known.isEmpty else {
            setValue(host, for: name)
            return
        }
        guard let last = known.split(separator: ",").last, last != host else { return }
        setValue("\(known),\(host)", for: name)
    }
}
