import Foundation
import Testing

@testable import AviaryArchives

/// Frames of Blosc2, with chunks that are stored as they are: 32 bytes of a head, and then the bytes.
@Suite struct Blosc2FrameTests {
  private func big(_ value: Int, _ size: Int, kind: UInt8) -> [UInt8] {
    [kind] + (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * (size - 1 - $0))) }
  }

  private func chunk(_ bytes: [UInt8]) -> [UInt8] { Array(repeating: 0, count: 32) + bytes }

  /// - Parameter place: of the chunk after the head.
  private func frame(
    _ content: [UInt8], element: Int, place: UInt64 = 0, axes: [(shape: Int, chunk: Int, block: Int)] = []
  ) -> [UInt8] {
    var layers: [UInt8] = [0x93] + big(0, 2, kind: 0xcd) + big(axes.isEmpty ? 0 : 1, 2, kind: 0xde)
    let list = 0x90 | UInt8(axes.count)
    if !axes.isEmpty {
      let place = 87 + layers.count + 5 + 5 + 3
      layers += [0xa4] + Array("b2nd".utf8) + big(place, 4, kind: 0xd2) + big(1, 2, kind: 0xdc) + big(1, 4, kind: 0xc6)
      layers += [0x97, 0, UInt8(axes.count), list] + axes.flatMap { big($0.shape, 8, kind: 0xd3) }
      layers += [list] + axes.flatMap { big($0.chunk, 4, kind: 0xd2) }
      layers += [list] + axes.flatMap { big($0.block, 4, kind: 0xd2) }
    }
    let stored = place >> 63 == 1 ? [] : chunk(content)
    let index = chunk((0..<8).map { UInt8(truncatingIfNeeded: place >> (8 * $0)) })
    let head = 87 + layers.count
    let whole = head + stored.count + index.count
    var bytes: [UInt8] = [0x9e, 0xa8] + Array("b2frame\0".utf8) + big(head, 4, kind: 0xd2) + big(whole, 8, kind: 0xcf)
    bytes += [0xa4, 0x12, 0, 0x50, 3] + big(content.count, 8, kind: 0xd3) + big(stored.count, 8, kind: 0xd3)
    bytes += big(element, 4, kind: 0xd2) + big(content.count, 4, kind: 0xd2) + big(content.count, 4, kind: 0xd2)
    bytes += big(1, 2, kind: 0xd1) + big(1, 2, kind: 0xd1) + [0xc2, 0xd8, 6] + Array(repeating: 0, count: 16)
    return bytes + layers + stored + index
  }

  private func elements(_ bytes: [UInt8], size: Int) -> [UInt8]? {
    Blosc2Frame.elements(of: ByteRegion(bytes), size: size) { $0.part(from: 32, count: $1) }?.array()
  }

  @Test func aChunkIsTheElementsInSequence() {
    let numbers = (0..<24).map { UInt8($0) }
    #expect(elements(frame(numbers, element: 4), size: 24) == numbers)
    #expect(elements(frame(numbers, element: 4), size: 20) == nil)
    // A chunk of zeros is not stored.
    #expect(elements(frame(numbers, element: 4, place: 0x81 << 56), size: 24) == Array(repeating: 0, count: 24))
    #expect(elements(frame(numbers, element: 4, place: 0x87 << 56), size: 24) == nil)
    #expect(elements(frame(numbers, element: 4, place: 1000), size: 24) == nil)
  }

  /// Blocks of 2×3 elements of two bytes for an array of 3×5, in the order of a grid of 2×2.
  @Test func blocksBecomeRows() {
    let grid: [[Int]] = [
      [0, 1, 2, 5, 6, 7], [3, 4, -1, 8, 9, -1], [10, 11, 12, -1, -1, -1], [13, 14, -1, -1, -1, -1],
    ]
    let stored: [UInt8] = grid.joined().flatMap { number -> [UInt8] in
      number < 0 ? [0xee, 0xee] : [UInt8(number), 100 + UInt8(number)]
    }
    let rows: [UInt8] = (0..<15).flatMap { [UInt8($0), 100 + UInt8($0)] }
    let array = frame(stored, element: 2, axes: [(3, 3, 2), (5, 5, 3)])
    #expect(elements(array, size: 30) == rows)
    #expect(elements(array, size: 32) == nil)
    // Of three axes, with one row of blocks each.
    let cube = (0..<12).map { UInt8($0) }
    #expect(elements(frame(cube, element: 1, axes: [(2, 2, 2), (3, 3, 3), (2, 2, 2)]), size: 12) == cube)
  }

  /// Whatever a damaged frame says, nothing is read or written beyond its bytes.
  @Test func damageIsNoTrap() {
    let stored = Array(repeating: UInt8(7), count: 48)
    let whole = frame(stored, element: 2, axes: [(3, 3, 2), (5, 5, 3)])
    for count in whole.indices { #expect(elements(Array(whole[..<count]), size: 30) == nil) }
    for place in whole.indices {
      for change in [UInt8(1), 0x80, 0xff] {
        var damaged = whole
        damaged[place] ^= change
        #expect(elements(damaged, size: 30)?.count ?? 30 == 30)
      }
    }
  }
}
