// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshRouting

/// Where callers are sent, but for what depends on the port that they call.
struct RedirectSetting: Hashable, Sendable {
    var redirect: Redirect
    var port: Port?

    enum Port: Hashable, Sendable {
        case number(UInt16)
        /// That of the protocol (`FROM_PROTOCOL_DEFAULT`).
        case ofProtocol
        /// The one that was called (`FROM_REQUEST_PORT`).
        case called
    }

    /// The redirect of requests to a port.
    func redirect(calledAt called: UInt16) -> Redirect {
        var result = redirect
        let number: UInt16? =
            switch port {
            case .number(let number): number
            case .called: called
            case .ofProtocol, nil: nil
            }
        // Istio writes no port that the scheme stands for. Between services that scheme is http where none is named.
        switch (number, redirect.scheme ?? "http") {
        case (80, "http"), (443, "https"), (nil, _): break
        case (let number?, _): result.port = Int(number)
        }
        return result
    }
}
