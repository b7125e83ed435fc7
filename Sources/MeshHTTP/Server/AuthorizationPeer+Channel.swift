// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import MeshCore
package import MeshSecurity
package import NIOCore

extension AuthorizationPeer {
    /// What a channel knows of its connection, and who proved to be at its other end.
    /// - Parameters:
    ///   - identity: Who somebody says that it is, who judges certificates; `nil` if it is nobody.
    ///   - certificate: What stands in its certificate; of somebody else's it is not used.
    package init(of channel: any Channel, identity: String?, certificate: PeerCertificate? = nil) {
        let named = identity.map { identity in
            certificate.flatMap { $0.uriNames.contains(identity) ? $0 : nil } ?? PeerCertificate(uriNames: [identity])
        }
        self.init(of: channel, certificate: named)
    }

    /// What a channel knows of its connection, and the certificate that was proved at its other end.
    package init(of channel: any Channel, certificate: PeerCertificate?) {
        // A stream of HTTP/2 tells its connection's addresses.
        let (source, destination) = (channel.remoteAddress, channel.localAddress)
        self.init(
            certificate: certificate,
            source: source.flatMap(IPAddress.init(of:)),
            sourcePort: source?.port.flatMap { UInt16(exactly: $0) },
            destination: destination.flatMap(IPAddress.init(of:)),
            destinationPort: destination?.port.flatMap { UInt16(exactly: $0) }
        )
    }
}

extension IPAddress {
    /// The address of a socket; `nil` for a Unix domain socket.
    fileprivate init?(of address: SocketAddress) {
        // Where the address stands in a `sockaddr_in` and a `sockaddr_in6`, on every system.
        let (offset4, offset6) = (4, 8)
        switch address {
        case .v4:
            self.init(
                version4: address.withSockAddr { socket, _ in
                    UInt32(bigEndian: UnsafeRawPointer(socket).loadUnaligned(fromByteOffset: offset4, as: UInt32.self))
                }
            )
        case .v6:
            let words = address.withSockAddr { socket, _ in
                let bytes = UnsafeRawPointer(socket)
                return (
                    UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset6, as: UInt64.self)),
                    UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset6 + 8, as: UInt64.self))
                )
            }
            self.init(ofConnection: words.0, words.1)
        case .unixDomainSocket: return nil
        }
    }
}
