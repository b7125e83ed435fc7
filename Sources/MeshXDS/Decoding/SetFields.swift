// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import SwiftProtobuf

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Collects the numbers of the fields that are set in a message, known to the generated code or not.
///
/// It looks at the message itself only, not at the messages in it.
struct SetFields: Visitor {
    private(set) var numbers: Set<Int> = []

    mutating func visitSingularDoubleField(value: Double, fieldNumber: Int) { numbers.insert(fieldNumber) }
    mutating func visitSingularInt64Field(value: Int64, fieldNumber: Int) { numbers.insert(fieldNumber) }
    mutating func visitSingularUInt64Field(value: UInt64, fieldNumber: Int) { numbers.insert(fieldNumber) }
    mutating func visitSingularBoolField(value: Bool, fieldNumber: Int) { numbers.insert(fieldNumber) }
    mutating func visitSingularStringField(value: String, fieldNumber: Int) { numbers.insert(fieldNumber) }
    mutating func visitSingularBytesField(value: Data, fieldNumber: Int) { numbers.insert(fieldNumber) }
    mutating func visitSingularEnumField<E: Enum>(value: E, fieldNumber: Int) { numbers.insert(fieldNumber) }
    mutating func visitSingularMessageField<M: Message>(value: M, fieldNumber: Int) { numbers.insert(fieldNumber) }
    mutating func visitRepeatedMessageField<M: Message>(value: [M], fieldNumber: Int) { numbers.insert(fieldNumber) }

    mutating func visitMapField<KeyType, ValueType: MapValueType>(
        fieldType: _ProtobufMap<KeyType, ValueType>.Type,
        value: _ProtobufMap<KeyType, ValueType>.BaseType,
        fieldNumber: Int
    ) {
        numbers.insert(fieldNumber)
    }

    mutating func visitMapField<KeyType, ValueType>(
        fieldType: _ProtobufEnumMap<KeyType, ValueType>.Type,
        value: _ProtobufEnumMap<KeyType, ValueType>.BaseType,
        fieldNumber: Int
    ) where ValueType.RawValue == Int {
        numbers.insert(fieldNumber)
    }

    mutating func visitMapField<KeyType, ValueType>(
        fieldType: _ProtobufMessageMap<KeyType, ValueType>.Type,
        value: _ProtobufMessageMap<KeyType, ValueType>.BaseType,
        fieldNumber: Int
    ) {
        numbers.insert(fieldNumber)
    }

    mutating func visitUnknown(bytes: Data) {
        numbers.formUnion(Self.fieldNumbers(in: [UInt8](bytes)))
    }

    /// The field numbers of a run of encoded fields; it ends quietly where the bytes are no fields any more.
    static func fieldNumbers(in bytes: [UInt8]) -> Set<Int> {
        var numbers: Set<Int> = []
        var rest = bytes[...]
        var depth = 0
        while let tag = takeVarint(&rest) {
            if depth == 0 { numbers.insert(Int(truncatingIfNeeded: tag >> 3)) }
            switch tag & 7 {
            case 0: guard takeVarint(&rest) != nil else { return numbers }
            case 1: rest = rest.dropFirst(8)
            case 2:
                guard let length = takeVarint(&rest), length <= UInt64(rest.count) else { return numbers }
                rest = rest.dropFirst(Int(length))
            case 3: depth += 1
            case 4: depth = max(depth - 1, 0)
            case 5: rest = rest.dropFirst(4)
            default: return numbers
            }
        }
        return numbers
    }

    private static func takeVarint(_ bytes: inout ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while let byte = bytes.popFirst() {
            guard shift < 64 else { return nil }
            value |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return value }
            shift += 7
        }
        return nil
    }
}
