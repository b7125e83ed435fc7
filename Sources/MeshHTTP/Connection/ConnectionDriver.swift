// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// The end of a channel's pipeline that carries exchanges, whatever version of HTTP it speaks.
///
/// Lives on its connection's event loop, and is called there only. What concerns an exchange that it does not carry any
/// more does nothing.
protocol ConnectionDriver: AnyObject {
    /// The channel is connected and has an owner, who hears of it when the connection can carry requests.
    func activate(for owner: any ConnectionOwner, as id: Int, dialedAt: MeshInstant)
    /// Sends a request. The owner has leased the connection to it.
    func start(_ exchange: Exchange, resubmittingTo owner: any ConnectionOwner)
    /// A streamed body has something ready.
    func pump(_ exchange: Exchange)
    /// The rest of a streamed request will not come.
    func cutRequestShort(_ exchange: Exchange)
    /// The reader has made room.
    func resumeReading(_ exchange: Exchange)
    /// Nobody wants more of the response.
    /// - Parameter mayDrain: Whether a small rest may be read, where that is cheaper than ending it.
    func abandon(_ exchange: Exchange, mayDrain: Bool)
    /// The exchange was given up; it, and no other, ends now.
    func abort(_ exchange: Exchange)
    /// The owner does not want the connection any more: it closes when its last exchange has ended.
    func drain()
    /// Every exchange fails, and the connection closes.
    func shutDown()
}
