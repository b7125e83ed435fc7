// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What a request says of its session.
public struct SessionBinding: Hashable, Sendable {
    /// The address of the endpoint that the session belongs to, as text; `nil` for a session that is new.
    public var address: String?

    /// Creates a binding.
    public init(address: String?) {
        self.address = address
    }
}

extension SessionState {
    /// What a request says of its session; `nil` if it belongs to none, because its path is outside the cookie's.
    /// - Parameter now: The time since 1970: cookies that have lived too long say nothing.
    public func binding(of request: some RequestHead, at now: Nanoseconds) -> SessionBinding? {
        switch self {
        case .header(let name):
            let decoded = request.values(of: name).first.flatMap { Base64.decoded($0) }
            return SessionBinding(address: decoded.flatMap(Self.text))
        case .cookie(let cookie):
            guard cookie.covers(request.path) else { return nil }
            let decoded = cookie.value(in: request).flatMap { Base64.decoded($0) }
            return SessionBinding(address: decoded.flatMap { Self.address(inCookie: $0, at: now) })
        }
    }

    /// The field by which a response tells the caller where its session is; `nil` if the request said so already.
    /// - Parameters:
    ///   - address: Where the response came from.
    ///   - now: The time since 1970, from which on the cookie lives.
    /// - Returns: The field, which for a header replaces what is there, and for a cookie is added.
    public func field(
        for address: String,
        after binding: SessionBinding,
        at now: Nanoseconds
    ) -> (name: HeaderName, value: String, replaces: Bool)? {
        guard address != binding.address else { return nil }
        switch self {
        case .header(let name): return (name, Base64.encoded(Array(address.utf8)), true)
        case .cookie(let cookie):
            let value = Base64.encoded(cookie.message(address, at: now))
            return ("set-cookie", cookie.text(value), false)
        }
    }

    private static func text(_ bytes: [UInt8]) -> String? {
        guard !bytes.isEmpty else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }

    /// Envoy's cookie is a small message of its own: the address (1) and the second in which it expires (2). Older ones
    /// were the address alone.
    private static func address(inCookie bytes: [UInt8], at now: Nanoseconds) -> String? {
        guard let message = CookieMessage(bytes) else { return text(bytes) }
        guard !message.address.isEmpty else { return nil }
        if message.expires != 0, now.rawValue / 1_000_000_000 > message.expires { return nil }
        return message.address
    }
}

extension SessionState.Cookie {
    /// Whether a request with that path belongs to a session: the cookie's path, and what is below it.
    fileprivate func covers(_ requestPath: String) -> Bool {
        guard !path.isEmpty, path != "/" else { return true }
        let request = requestPath.utf8
        guard request.starts(with: path.utf8) else { return false }
        guard path.utf8.last != UInt8(ascii: "/"), let next = request.dropFirst(path.utf8.count).first else {
            return true
        }
        return [UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#")].contains(next)
    }

    /// The cookie's value in a request: the first of its name, without quotation marks around it.
    fileprivate func value(in request: some RequestHead) -> String? {
        for field in request.values(of: "cookie") {
            for pair in field.utf8.split(separator: UInt8(ascii: ";")) {
                let pair = pair.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
                guard let equals = pair.firstIndex(of: UInt8(ascii: "=")), pair[..<equals].elementsEqual(name.utf8)
                else { continue }
                var value = pair[pair.index(after: equals)...]
                let quote = UInt8(ascii: "\"")
                if value.count >= 2, value.first == quote, value.last == quote { value = value.dropFirst().dropLast() }
                return value.isEmpty ? nil : String(Substring(value))
            }
        }
        return nil
    }

    fileprivate func message(_ address: String, at now: Nanoseconds) -> [UInt8] {
        let seconds = lifetime.rawValue / 1_000_000_000
        guard seconds > 0 else { return CookieMessage(address: address, expires: 0).bytes }
        let begun = now.rawValue / 1_000_000_000
        let (end, overflow) = begun.addingReportingOverflow(seconds)
        return CookieMessage(address: address, expires: overflow ? .max : end).bytes
    }

    fileprivate func text(_ value: String) -> String {
        var text = "\(name)=\"\(value)\""
        let seconds = lifetime.rawValue / 1_000_000_000
        if seconds > 0 { text += "; Max-Age=\(seconds)" }
        if !path.isEmpty { text += "; Path=\(path)" }
        for attribute in attributes {
            text += attribute.value.isEmpty ? "; \(attribute.name)" : "; \(attribute.name)=\(attribute.value)"
        }
        return text + "; HttpOnly"
    }
}
