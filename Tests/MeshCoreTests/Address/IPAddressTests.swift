// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@Suite struct IPAddressTests {
    @Test(arguments: [
        ("10.1.2.3", "10.1.2.3"), ("255.255.255.255", "255.255.255.255"), ("::", "::"), ("::1", "::1"),
        ("2001:DB8::1", "2001:db8::1"), ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("1::", "1::"),
        ("::ffff:1.2.3.4", "::ffff:1.2.3.4"), ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
        ("1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"), ("[::1]", "::1"), ("64:ff9b::1.2.3.4", "64:ff9b::102:304"),
    ])
    func `an address is written as RFC 5952 says`(text: String, canonical: String) {
        #expect(IPAddress(text)?.description == canonical)
    }

    @Test(arguments: [
        "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.-4", "1.2.3.4 ", ":", ":::", "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9", "1::2::3", ":1::2", "1::2:", "12345::", "g::", "1.2.3.4::", "::1.2.3", "[]", "host",
        "::1:2:3:4:5:6:7:8",
    ])
    func `what is no address is refused`(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test(arguments: [
        ("10.1.2.3", 16, "10.1.0.0/16"), ("10.1.2.3", 32, "10.1.2.3/32"), ("10.1.2.3", 0, "0.0.0.0/0"),
        ("10.1.2.3", 99, "10.1.2.3/32"), ("2001:abcd:ef01::1", 64, "2001:abcd:ef01::/64"),
        ("2001:abcd:ef01::1", 20, "2001:a000::/20"), ("2001:db8::1:2", 127, "2001:db8::1:2/127"),
    ])
    func `a range is named by its first address`(text: String, length: Int, range: String) throws {
        #expect(AddressRange(try #require(IPAddress(text)), length: length).description == range)
    }

    @Test func `a range holds the addresses that begin like it, of its version`() throws {
        let range = AddressRange(try #require(IPAddress("10.1.0.0")), length: 15)
        #expect(range.contains(try #require(IPAddress("10.0.255.255"))))
        #expect(!range.contains(try #require(IPAddress("10.2.0.0"))))
        #expect(!range.contains(try #require(IPAddress("::"))))
        let all = AddressRange(try #require(IPAddress("::")), length: 0)
        let (six, four) = (try #require(IPAddress("ffff::")), try #require(IPAddress("1.1.1.1")))
        #expect(all.contains(six) && !all.contains(four))
    }
}
