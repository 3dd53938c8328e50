import AviaryKernels
import CKernels
import Testing

@Suite struct ResizeKernelTests {
  /// Of random pictures, some smaller than a vector, and weights of both signs.
  @Test(arguments: [0, 256, 512]) func rowsEqualTheSumsWhateverTheVectors(bits: Int) {
    var random = RandomStream(seed: 1, purpose: "resize", step: UInt64(bits))
    func number(_ range: ClosedRange<Int>) -> Int {
      range.lowerBound + Int(Double(random.uniform()) * Double(range.count))
    }
    for _ in 0..<200 {
      let (width, rows, newWidth) = (number(1...90), number(1...70), number(1...50))
      let taps = 4 * number(1...3)
      // A part of wider rows, whose last ends with the part.
      let stride = 3 * width + number(0...40)
      let pixels = (0..<stride * (rows - 1) + 3 * width).map { _ in UInt8(number(0...255)) }
      var (starts, counts, weights) = ([Int32](), [Int32](), [Int32](repeating: 0, count: taps * newWidth))
      for x in 0..<newWidth {
        let count = number(1...min(taps, width))
        starts.append(Int32(number(0...(width - count))))
        counts.append(Int32(count))
        for t in 0..<count { weights[x * taps + t] = Int32(number(-1_000_000...3_000_000) / count) }
      }
      var resized = [UInt8](repeating: 77, count: 3 * newWidth * rows + 8)
      unsafe aviary_resize_horizontal_by(
        Int32(bits), pixels, stride, &resized, rows, newWidth, starts, counts, weights, taps)
      var sums: [UInt8] = []
      for y in 0..<rows {
        for x in 0..<newWidth {
          for channel in 0..<3 {
            var sum = 1 << (AVIARY_RESIZE_BITS - 1)
            for t in 0..<Int(counts[x]) {
              sum += Int(pixels[y * stride + 3 * (Int(starts[x]) + t) + channel]) * Int(weights[x * taps + t])
            }
            sums.append(UInt8(min(max(sum >> AVIARY_RESIZE_BITS, 0), 255)))
          }
        }
      }
      #expect(resized == sums + Array(repeating: 77, count: 8), "and nothing is written behind the last pixel")
    }
  }
}
