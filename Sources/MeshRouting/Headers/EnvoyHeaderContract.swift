// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Envoy's contract about request header fields: which are honoured, from whom, and which go on to the upstream.
///
/// A caller that is trusted steers timeouts and retries by its header; those fields end here, whoever sent them, and so
/// does what only the mesh itself may say. `admit` is called where the request comes in, `takeWishes` where it is routed.
public struct EnvoyHeaderContract: Hashable, Sendable {
    /// Whether callers are trusted: they are part of the mesh, or the application itself.
    public var trusts: Bool
    /// Whether the mesh begins here for callers that are not trusted, so that what earlier proxies might have noted is
    /// theirs too. Default `true`.
    public var isEdge: Bool
    /// Fields that only trusted callers may send (`RouteConfiguration.internal_only_headers`).
    public var internalOnlyHeaders: [HeaderName]
    /// Whether requests of trusted callers say so to the upstream, in `x-envoy-internal`. Default `false`.
    public var marksTrusted: Bool

    /// Creates a contract.
    public init(
        trusts: Bool,
        isEdge: Bool = true,
        internalOnlyHeaders: [HeaderName] = [],
        marksTrusted: Bool = false
    ) {
        self.trusts = trusts
        self.isEdge = isEdge
        self.internalOnlyHeaders = internalOnlyHeaders
        self.marksTrusted = marksTrusted
    }

    /// Fields that tell the mesh what to do and end at the first router, whoever sent them.
    public static let instructions: [HeaderName] = [
        EnvoyHeader.requestTimeout, EnvoyHeader.attemptTimeout, EnvoyHeader.alternativeTimeoutAnswer,
        EnvoyHeader.maximumRetries, EnvoyHeader.retryOn, EnvoyHeader.retryGRPCOn, EnvoyHeader.retriableStatuses,
        EnvoyHeader.retriableHeaders, EnvoyHeader.hedgesOnAttemptTimeout, EnvoyHeader.alternativeStatistics,
        "x-envoy-upstream-stream-duration-ms",
    ]

    /// Fields that callers who are not trusted may not send, besides the instructions.
    public static let reserved: [HeaderName] = [
        EnvoyHeader.expectedTimeout, EnvoyHeader.originalURL, "x-envoy-force-trace", "x-envoy-ip-tags",
    ]

    /// Fields that callers who are not trusted may not send into the mesh from outside, besides the others.
    public static let reservedAtEdge: [HeaderName] = [
        EnvoyHeader.decoratorOperation, EnvoyHeader.originalPath, EnvoyHeader.originalHost,
        "x-envoy-downstream-service-cluster", "x-envoy-downstream-service-node",
    ]

    /// Takes from a request what its caller may not say.
    /// - Complexity: One look at the header's names where none begins with `x-envoy-`; else one look for each field.
    public func admit(_ request: inout some RequestHead) {
        if request.mayHaveHeaders(prefixed: Self.prefix) {
            request.removeValues(of: EnvoyHeader.isInternal)
            if !trusts {
                for name in Self.instructions { request.removeValues(of: name) }
                for name in Self.reserved { request.removeValues(of: name) }
                if isEdge { for name in Self.reservedAtEdge { request.removeValues(of: name) } }
            }
        }
        if trusts {
            if marksTrusted { request.setValue("true", for: EnvoyHeader.isInternal) }
        } else {
            for name in internalOnlyHeaders { request.removeValues(of: name) }
        }
    }

    /// Reads what a request asks for, and takes the fields away that ask for it.
    ///
    /// Call `admit` first, which leaves only a trusted caller's. A field that is badly written asks for nothing.
    /// - Complexity: That of `admit`.
    public static func takeWishes(from request: inout some RequestHead) -> CallerWishes {
        guard request.mayHaveHeaders(prefixed: prefix) else { return .none }
        var wishes = CallerWishes()
        wishes.timeout = milliseconds(request.value(of: EnvoyHeader.requestTimeout))
        wishes.attemptTimeout = milliseconds(request.value(of: EnvoyHeader.attemptTimeout))
        switch request.value(of: EnvoyHeader.hedgesOnAttemptTimeout) {
        case "true": wishes.hedgesOnAttemptTimeout = true
        case "false": wishes.hedgesOnAttemptTimeout = false
        default: break
        }
        wishes.retryOn =
            items(request.value(of: EnvoyHeader.retryOn)) + items(request.value(of: EnvoyHeader.retryGRPCOn))
        wishes.maximumRetries = request.value(of: EnvoyHeader.maximumRetries)?.wholeNumber
            .map { UInt32(truncatingIfNeeded: min($0, UInt64(UInt32.max))) }
        wishes.retriableStatuses = items(request.value(of: EnvoyHeader.retriableStatuses))
            .compactMap { $0.wholeNumber.flatMap { Int(exactly: $0) } }
        wishes.retriableHeaders = items(request.value(of: EnvoyHeader.retriableHeaders)).map { HeaderName($0) }
        wishes.answersTimeoutWithoutContent = request.value(of: EnvoyHeader.alternativeTimeoutAnswer) != nil
        wishes.alternativeStatistics = request.value(of: EnvoyHeader.alternativeStatistics)
        for name in instructions { request.removeValues(of: name) }
        return wishes
    }

    private static let prefix = "x-envoy-"

    /// A span in milliseconds; more than a signed number of them can hold is none, as in Envoy.
    private static func milliseconds(_ text: String?) -> Nanoseconds? {
        guard let number = text?.wholeNumber, number <= UInt64(Int64.max) else { return nil }
        return .milliseconds(number)
    }

    /// The items of a list, without the blanks around them.
    private static func items(_ text: String?) -> [String] {
        guard let text else { return [] }
        return text.split(separator: ",").compactMap { item in
            var item = item.drop { $0 == " " || $0 == "\t" }
            while let last = item.last, last == " " || last == "\t" { item.removeLast() }
            return item.isEmpty ? nil : String(item)
        }
    }
}
