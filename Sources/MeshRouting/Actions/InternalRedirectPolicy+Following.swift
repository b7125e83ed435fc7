// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

extension InternalRedirectPolicy {
    /// A request that a redirect asks for.
    public struct Following<Request: RequestHead>: Sendable {
        /// The request.
        public var request: Request
        /// Whether it leads from `https` to `http`.
        public var isDowngrade: Bool
    }

    /// The request that a redirect asks for, or why it is not followed.
    ///
    /// Where it leads to, whether there is a route for it and whether the predicates are for that route
    /// (`InternalRedirectHistory.admits`), is for the caller to find out.
    /// - Parameters:
    ///   - response: What came back.
    ///   - request: The request as it was sent on, with everything that the route changed in it, which stays.
    ///   - history: The redirects that were followed for this request.
    public func following<Request: RequestHead>(
        _ response: some ResponseHead,
        to request: Request,
        history: InternalRedirectHistory
    ) -> Result<Following<Request>, InternalRedirectRefusal> {
        guard statuses.contains(response.statusCode) else { return .failure(.notARedirect) }
        guard request.isReplayable else { return .failure(.unreplayable) }
        guard let location = response.values(of: "location").first, let url = AbsoluteURL(location) else {
            return .failure(.badLocation)
        }
        let oldScheme = (request.scheme ?? "http").equalsIgnoringCase("https") ? "https" : "http"
        guard allowsCrossScheme || url.scheme == oldScheme else { return .failure(.scheme) }
        guard history.count < maximumRedirects else { return .failure(.limit) }
        var next = request
        for name in copiedHeaders {
            next.removeValues(of: name)
            for value in response.values(of: name) { next.appendValue(value, for: name) }
        }
        if url.scheme != request.scheme {
            guard next.becomeScheme(url.scheme) else { return .failure(.unchangeable) }
        }
        if response.statusCode == 303, request.method != "GET", request.method != "HEAD" {
            guard next.becomeGET() else { return .failure(.unchangeable) }
            next.removeValues(of: "content-length")
        }
        next.setValue("\(oldScheme)://\(request.authority ?? "")\(request.path)", for: EnvoyHeader.originalURL)
        next.authority = url.authority
        next.path = url.path
        return .success(Following(request: next, isDowngrade: oldScheme == "https" && url.scheme == "http"))
    }
}
