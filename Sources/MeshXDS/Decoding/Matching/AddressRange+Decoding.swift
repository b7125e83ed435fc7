// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import SwiftProtobuf

extension AddressRange {
    /// Decodes a range of addresses; without a length it is all of the address's version, as in Envoy.
    /// - Returns: `nil`, with a problem, if it is none.
    init?(_ message: Xds_Core_V3_CidrRange, at path: FieldPath, _ context: inout DecodingContext) {
        let length = message.hasPrefixLen ? message.prefixLen.value : 0
        self.init(prefix: message.addressPrefix, length: length, at: path, &context)
    }

    /// Decodes a range of addresses; without a length it is all of the address's version, as in Envoy.
    /// - Returns: `nil`, with a problem, if it is none.
    init?(_ message: Envoy_Config_Core_V3_CidrRange, at path: FieldPath, _ context: inout DecodingContext) {
        let length = message.hasPrefixLen ? message.prefixLen.value : 0
        self.init(prefix: message.addressPrefix, length: length, at: path, &context)
    }

    private init?(prefix: String, length: UInt32, at path: FieldPath, _ context: inout DecodingContext) {
        guard let address = IPAddress(prefix) else {
            context.reject(path["address_prefix"], "\"\(prefix)\" is no IP address")
            return nil
        }
        guard length <= UInt32(address.bitCount) else {
            context.reject(path["prefix_len"], "must be at most \(address.bitCount), is \(length)")
            return nil
        }
        self.init(address, length: Int(length))
    }
}

extension Envoy_Config_Core_V3_CidrRange {
    /// Encodes a range of addresses.
    init(_ range: AddressRange) {
        self.init()
        addressPrefix = range.first.description
        prefixLen = Google_Protobuf_UInt32Value(UInt32(range.length))
    }
}
