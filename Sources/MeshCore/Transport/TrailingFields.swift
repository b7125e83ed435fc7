// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What a leaf transport's exchange shows of the fields behind a response's body.
///
/// The object that a transport keeps in `CallContext.exchange` conforms if the transport sees trailers; layers that
/// want to know them ask before they forward `finish`. Called from any thread.
public protocol TrailingFields: AnyObject, Sendable {
    /// The value of a trailer; several values are joined by `,`; `nil` if it is absent, or the body was not read to its
    /// end.
    func trailer(_ name: HeaderName) -> String?
}
