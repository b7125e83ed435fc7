// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// How much it matters that a request is served: Google's four levels, which Finagle has as well.
public enum Criticality: UInt8, Hashable, Comparable, Sendable, CaseIterable {
    /// It may fail often: a batch job that retries.
    case sheddable
    /// It may fail now and then: a batch job that somebody waits for.
    case sheddablePlus
    /// Users notice when it fails. The default of what reaches a service.
    case critical
    /// It must not fail: the few requests that everything else depends on.
    case criticalPlus

    /// Whether the left one matters less.
    public static func < (lhs: Criticality, rhs: Criticality) -> Bool {
        lhs.rawValue < rhs.rawValue
    }

    /// Reads what a header says: `sheddable`, `sheddable-plus`, `critical` or `critical-plus`, in any case, with `_` or
    /// nothing in place of the hyphen; `nil` if it says something else.
    public init?(headerValue: some StringProtocol) {
        let letters = headerValue.utf8.lazy.filter { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: "_") }.map {
            $0 | 0x20
        }
        for criticality in Self.allCases where letters.elementsEqual(criticality.letters.utf8Bytes) {
            self = criticality
            return
        }
        return nil
    }

    /// The name that a header carries it by.
    public var headerValue: String {
        switch self {
        case .sheddable: "sheddable"
        case .sheddablePlus: "sheddable-plus"
        case .critical: "critical"
        case .criticalPlus: "critical-plus"
        }
    }

    private var letters: StaticString {
        switch self {
        case .sheddable: "sheddable"
        case .sheddablePlus: "sheddableplus"
        case .critical: "critical"
        case .criticalPlus: "criticalplus"
        }
    }
}

extension StaticString {
    /// Its bytes, in place.
    fileprivate var utf8Bytes: UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: utf8Start, count: utf8CodeUnitCount)
    }
}
