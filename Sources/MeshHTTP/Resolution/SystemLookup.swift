// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Android)
import Android
#endif

/// The system could not say whether a name has addresses.
public struct SystemLookupError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The name.
    public var host: String
    /// What `getaddrinfo` returned.
    public var code: Int32
    /// What the system says about that.
    public var message: String

    /// The name and what the system says.
    public var description: String { "looking up \(host): \(message)" }
}

/// A lookup by `getaddrinfo`, which blocks its thread.
enum SystemLookup {
    /// The addresses of a name in the system's order; empty if it has none.
    ///
    /// Addresses of a family that this machine has no route for are left out, but not where that leaves nothing: a machine
    /// without a network has its own names.
    static func addresses(of host: String) throws -> [IPAddress] {
        let reachable = try addresses(of: host, flags: AI_ADDRCONFIG)
        return reachable.isEmpty ? try addresses(of: host, flags: 0) : reachable
    }

    private static func addresses(of host: String, flags: Int32) throws -> [IPAddress] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_flags = flags
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, nil, &hints, &list)
        defer { if let list { freeaddrinfo(list) } }
        guard code == 0 else {
            if isAbsence(code) { return [] }
            throw SystemLookupError(host: host, code: code, message: String(cString: gai_strerror(code)))
        }
        var addresses: [IPAddress] = []
        var next = list
        while let entry = next?.pointee {
            next = entry.ai_next
            // Once for each kind of socket.
            guard let address = text(of: entry).flatMap({ IPAddress($0) }), !addresses.contains(address) else {
                continue
            }
            addresses.append(address)
        }
        return addresses
    }

    /// Whether it means that there is no such name, or that it has no address.
    private static func isAbsence(_ code: Int32) -> Bool {
        #if canImport(Darwin)
        code == EAI_NONAME || code == EAI_NODATA
        #elseif canImport(Glibc)
        // EAI_NODATA and EAI_ADDRFAMILY, which are declared for GNU sources only.
        code == EAI_NONAME || code == -5 || code == -9
        #else
        code == EAI_NONAME
        #endif
    }

    private static func text(of entry: addrinfo) -> String? {
        guard let address = entry.ai_addr else { return nil }
        var text = [CChar](repeating: 0, count: 1025)
        let code = getnameinfo(address, entry.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
        guard code == 0 else { return nil }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
