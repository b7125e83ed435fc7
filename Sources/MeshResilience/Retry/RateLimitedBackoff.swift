// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Which header fields of an answer say when to come back (Envoy's `RateLimitedRetryBackOff`).
public struct RateLimitedBackoff: Hashable, Sendable, CustomStringConvertible {
    /// A header field, and what its value means.
    public struct ResetHeader: Hashable, Sendable {
        /// What the value of a field means. More cases may come: switch with a default.
        public enum Format: String, Hashable, Sendable {
            /// Whole seconds from now.
            case seconds
            /// Whole seconds since 1970.
            case unixTimestamp
            /// Whole seconds from now, or an HTTP date (RFC 9110 §10.2.3).
            case secondsOrDate
        }

        /// The field's name.
        public var name: HeaderName
        /// What its value means.
        public var format: Format

        /// Creates a field.
        public init(_ name: HeaderName, _ format: Format) {
            self.name = name
            self.format = format
        }

        /// `Retry-After`, in both its forms.
        public static let retryAfter = ResetHeader("retry-after", .secondsOrDate)
    }

    /// The fields, in the order in which they are tried; the first that can be read and is not too long counts.
    ///
    /// Default `Retry-After` alone: what `x-ratelimit-reset` means differs from server to server.
    public var headers: [ResetHeader]
    /// The longest wait that is accepted; a field that asks for more is passed over. Greater than 0.
    ///
    /// Default 300 s: Envoy's `RateLimitedRetryBackOff.max_interval`.
    public var maximum: Nanoseconds

    /// Creates a back-off.
    public init(headers: [ResetHeader] = [.retryAfter], maximum: Nanoseconds = .seconds(300)) {
        self.headers = headers
        self.maximum = maximum
    }

    /// The fields and the bound, for people.
    public var description: String {
        headers.map { "\($0.name) (\($0.format))" }.joined(separator: ", ") + " up to \(maximum.duration)"
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(!headers.isEmpty, "headers", "must name at least one field")
        for (position, header) in headers.enumerated() {
            problems.require(header.name.isValid, "headers[\(position)].name", "is no header name: \(header.name)")
        }
        problems.require(maximum > .zero, "maximum", "must be greater than 0")
        try problems.throwIfAny()
    }

    /// How long the head of a response asks to wait; `nil` if it does not, or for longer than is accepted.
    public func wait(in response: some ResponseHead, wallClock: WallClock) -> Nanoseconds? {
        for header in headers {
            guard let text = response.value(of: header.name) else { continue }
            if let wait = wait(text, header.format, wallClock), wait <= maximum { return wait }
        }
        return nil
    }

    private func wait(_ text: String, _ format: ResetHeader.Format, _ wallClock: WallClock) -> Nanoseconds? {
        switch format {
        case .seconds: return Self.seconds(text)
        case .unixTimestamp: return Self.seconds(text).flatMap { Self.until($0, wallClock) }
        case .secondsOrDate:
            if let seconds = Self.seconds(text) { return seconds }
            return HTTPDate.sinceEpoch(text).flatMap { Self.until($0, wallClock) }
        }
    }

    /// A date that has passed asks for no wait.
    private static func until(_ date: Nanoseconds, _ wallClock: WallClock) -> Nanoseconds {
        let now = wallClock.sinceEpoch
        return date > now ? Nanoseconds(rawValue: date.rawValue - now.rawValue) : .zero
    }

    /// Digits only: `UInt64.init` would accept a sign.
    private static func seconds(_ text: String) -> Nanoseconds? {
        guard text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }), let count = UInt64(text) else {
            return nil
        }
        let (product, overflow) = count.multipliedReportingOverflow(by: 1_000_000_000)
        return Nanoseconds(rawValue: overflow ? .max : product)
    }
}
