// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// The texts that an AuthorizationPolicy's conditions are made of.
extension FieldReader {
    /// Texts of which there must be some: a condition without values would count as none, and let everybody through.
    mutating func filledTexts(_ name: String) -> [Located<String>] {
        reportEmptyList(name)
        return texts(name).filter { text in
            if text.value.isEmpty { context.error(.invalidValue, at: text.position, "an element of \(name) is empty") }
            return !text.value.isEmpty
        }
    }

    /// Reports a list that is there and has no elements.
    mutating func reportEmptyList(_ name: String) {
        guard has(name) else { return }
        if value(name) == nil || elements(name)?.isEmpty == true {
            context.error(.missingField, at: keyPosition(name), "\(name) is empty; leave it out instead")
        }
    }

    /// Texts with a `*` at one end, or none.
    mutating func wildcardTexts(_ name: String) -> [Located<WildcardText>] {
        filledTexts(name).compactMap { wildcard($0) }
    }

    /// A text with a `*` at one end, or none.
    func wildcard(_ text: Located<String>) -> Located<WildcardText>? {
        guard let pattern = WildcardText(text.value) else {
            context.error(
                .invalidValue,
                at: text.position,
                "\(text.value) is no pattern: a * may stand at the beginning or at the end only"
            )
            return nil
        }
        return Located(value: pattern, position: text.position)
    }

    /// Addresses and ranges of them (`10.0.0.0/8`).
    mutating func addressRanges(_ name: String) -> [AddressRange] {
        filledTexts(name).compactMap { text in
            let parts = text.value.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            if let first = parts.first, let address = MeshCore.IPAddress(String(first)) {
                guard parts.count == 2 else { return AddressRange(address, length: address.bitCount) }
                let isNumber = parts[1].utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
                if isNumber, let length = Int(parts[1]), length <= address.bitCount {
                    return AddressRange(address, length: length)
                }
            }
            context.error(.invalidValue, at: text.position, "\(text.value) is no IP address and no range of them")
            return nil
        }
    }

    /// The principals of tokens: `ISSUER/SUBJECT`, with a `*` at one end or for each of both.
    mutating func requestPrincipals(_ name: String) -> [String] {
        filledTexts(name).map(\.value)
    }
}
