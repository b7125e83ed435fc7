// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Hummingbird
import Logging

/// What the API knows of a request beside the request.
struct APIRequestContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// What the bearer of the request's token may claim; set before any route is reached.
    var claims: TokenClaims?

    init(source: ApplicationRequestContextSource) {
        self.coreContext = CoreRequestContextStorage(source: source)
    }

    /// A context without a connection, for requests that did not come over one.
    init(logger: Logger) {
        self.coreContext = CoreRequestContextStorage(source: LoggerSource(logger: logger))
    }

    private struct LoggerSource: RequestContextSource {
        let logger: Logger
    }
}
