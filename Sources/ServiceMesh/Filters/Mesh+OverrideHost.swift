// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

extension Mesh {
    /// The most endpoints that a request may name; further ones are left aside.
    static let maximumNamedEndpoints = 16

    /// Notes which endpoints a request asks for by its headers, as the route changed them, in their order.
    ///
    /// A session of the request comes first. What is no address names nothing.
    @usableFromInline
    @inline(never)
    func noteNamedEndpoints(of request: some RequestHead, _ context: inout CallContext) {
        guard let headers = context.selection?.overrideHostHeaders else { return }
        let before = context.overrideHost
        // What a request named before it was redirected names nothing any more.
        if let before, !before.staysInSubset { return }
        var addresses: [EndpointAddress] = []
        for header in headers {
            // The first value alone, as in Envoy.
            guard let value = request.values(of: header).first else { continue }
            for part in value.utf8.split(separator: UInt8(ascii: ","), maxSplits: Self.maximumNamedEndpoints) {
                guard addresses.count < Self.maximumNamedEndpoints else { break }
                let text = String(Substring(part).drop { $0 == " " || $0 == "\t" })
                guard let address = EndpointAddress(authority: text.trimmingBlanksAtEnd) else { continue }
                addresses.append(address)
            }
        }
        guard let first = addresses.first else {
            if before != nil { context.forgetOverrideHost() }
            return
        }
        var wish = OverrideHost(first)
        wish.following = Array(addresses.dropFirst())
        wish.staysInSubset = true
        context.prefer(wish)
    }
}

extension String {
    fileprivate var trimmingBlanksAtEnd: String {
        guard let last = lastIndex(where: { $0 != " " && $0 != "\t" }) else { return "" }
        return String(self[...last])
    }
}
