// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What a runtime key says in place of the configuration.
///
/// A value is read by what a setting asks for, as Envoy reads it: one that is nothing of the kind says nothing, and the
/// configuration's own value holds.
public enum RuntimeValue: Hashable, Sendable {
    /// A share of all requests.
    case fraction(FractionalPercent)
    /// A whole number: where a share is asked for, its percent.
    case integer(UInt64)
    /// A truth value.
    case boolean(Bool)
    /// A number that is negative or has decimals. Where a whole number is asked for, decimals are cut off.
    case number(Double)
    /// A text that is none of these. Nothing asks for one.
    case text(String)

    /// A number of any kind: a whole one that a `UInt64` holds is an `integer`.
    public init(_ number: Double) {
        if let integer = UInt64(exactly: number) { self = .integer(integer) } else { self = .number(number) }
    }

    /// The share that it is; `nil` if it is none. Whole numbers are percent, and all requests above 100.
    public var share: FractionalPercent? {
        if case .fraction(let share) = self { return share }
        return wholeNumber.map { FractionalPercent(numerator: UInt32(min($0, 100))) }
    }

    /// The whole number that it is, without its decimals; `nil` if it is negative, or no number.
    public var wholeNumber: UInt64? {
        switch self {
        case .integer(let number): number
        // What is beyond the range says nothing, as in Envoy.
        case .number(let number): number >= 0 ? UInt64(exactly: number.rounded(.down)) : nil
        case .fraction, .boolean, .text: nil
        }
    }

    /// The number that it is; `nil` if it is none.
    public var decimal: Double? {
        switch self {
        case .integer(let number): Double(number)
        case .number(let number): number
        case .fraction, .boolean, .text: nil
        }
    }

    /// The truth value that it is; `nil` if it is none. Whole numbers are true but for 0.
    public var truth: Bool? {
        switch self {
        case .boolean(let value): value
        case .integer(let number): number != 0
        case .number(let number): Int64(exactly: number) == nil ? nil : true
        case .fraction, .text: nil
        }
    }
}

extension RuntimeValue: CustomStringConvertible {
    /// For people: `25.0%`, `7`, `true`, `-0.5`, `"text"`.
    public var description: String {
        switch self {
        case .fraction(let share): "\(share)"
        case .integer(let number): "\(number)"
        case .boolean(let value): "\(value)"
        case .number(let number): "\(number)"
        case .text(let text): "\"\(text)\""
        }
    }
}
