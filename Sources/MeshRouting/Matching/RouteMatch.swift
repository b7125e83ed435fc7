// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// The conditions of a route; all of them must hold (`envoy.config.route.v3.RouteMatch`).
public struct RouteMatch: Hashable, Sendable {
    /// What the path must be.
    public var path: PathMatcher
    /// What the headers must be, as ``HeaderMatcher`` compares them.
    public var headers: [HeaderMatcher]
    /// What the query parameters must be.
    public var queryParameters: [QueryParameterMatcher]
    /// What the cookies must be.
    public var cookies: [CookieMatcher]
    /// Whether only gRPC's requests match: those whose `content-type` is `application/grpc`, or that with `+` and more
    /// behind it.
    public var isGRPCOnly: Bool
    /// The share of requests that match; `nil` for all.
    public var fraction: RuntimeFraction?
    /// What must be true of the caller's certificate.
    public var certificate: CertificateCondition?
    /// What filters must have noted.
    public var metadata: [MetadataMatcher]

    /// Creates the conditions; by default every request matches whose path begins with a slash.
    public init(
        path: PathMatcher = .any,
        headers: [HeaderMatcher] = [],
        queryParameters: [QueryParameterMatcher] = [],
        cookies: [CookieMatcher] = [],
        isGRPCOnly: Bool = false,
        fraction: RuntimeFraction? = nil,
        certificate: CertificateCondition? = nil,
        metadata: [MetadataMatcher] = []
    ) {
        self.path = path
        self.headers = headers
        self.queryParameters = queryParameters
        self.cookies = cookies
        self.isGRPCOnly = isGRPCOnly
        self.fraction = fraction
        self.certificate = certificate
        self.metadata = metadata
    }

    /// Whether there are conditions besides those on path and headers.
    var hasRareConditions: Bool {
        isGRPCOnly || fraction != nil || !queryParameters.isEmpty || !cookies.isEmpty || certificate != nil
            || !metadata.isEmpty
    }

    /// Whether there are conditions besides that on the path.
    var hasConditionsBesidesPath: Bool {
        !headers.isEmpty || hasRareConditions
    }

    /// The first condition that a request does not meet; `nil` if it meets all. For people.
    /// - Parameter requestPath: The request's path without its query.
    public func firstMismatch(
        _ request: some RequestHead,
        path requestPath: Substring,
        facts: RoutingFacts
    ) -> Mismatch? {
        var requestPath = requestPath
        let isConnect = request.method == "CONNECT"
        let isPathMet = requestPath.withUTF8 { path.matches(bytes: $0, isConnect: isConnect) }
        guard isPathMet else { return .path(path, seen: String(requestPath)) }
        for header in headers where !header.matches(request) {
            return .header(header, seen: request.fieldOrPseudoField(header.name))
        }
        return firstRareMismatch(request, facts)
    }

    @inlinable
    func firstRareMismatch(_ request: some RequestHead, _ facts: RoutingFacts) -> Mismatch? {
        if isGRPCOnly, !Self.isGRPC(request.value(of: Self.contentType)) {
            return .grpc(contentType: request.value(of: Self.contentType))
        }
        if let fraction, !fraction.contains(facts) {
            return .fraction(fraction, held: fraction.effectiveShare(facts), random: facts.random)
        }
        if !queryParameters.isEmpty {
            let path = request.path
            for parameter in queryParameters where !parameter.matches(path: path) {
                return .queryParameter(parameter, seen: parameter.firstValue(in: path))
            }
        }
        for cookie in cookies where !cookie.matches(request) {
            return .cookie(cookie, seen: cookie.firstValue(in: request))
        }
        if let certificate, !certificate.isMet(by: facts) {
            return .certificate(
                certificate,
                isPresented: facts.isCertificatePresented,
                isValidated: facts.isCertificateValidated
            )
        }
        for matcher in metadata where !matcher.matches(facts.metadata) {
            return .metadata(matcher, seen: matcher.value(in: facts.metadata))
        }
        return nil
    }

    @usableFromInline static let contentType: HeaderName = "content-type"

    /// Whether a request with that `content-type` is one of gRPC (Envoy's `Grpc::Common::isGrpcRequestHeaders`): what
    /// goes on with `;` or `-web` is not.
    @usableFromInline
    static func isGRPC(_ contentType: String?) -> Bool {
        guard let bytes = contentType?.utf8 else { return false }
        let type = "application/grpc".utf8
        guard bytes.starts(with: type) else { return false }
        return bytes.count == type.count || bytes.dropFirst(type.count).first == UInt8(ascii: "+")
    }
}
