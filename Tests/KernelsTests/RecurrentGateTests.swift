import CKernels
import Foundation
import Testing

/// The gates of recurrent networks in C against PyTorch's formulas, written out here in double precision.
@Suite struct RecurrentGateTests {
  static func numbers(_ count: Int, _ salt: Int) -> [Float] {
    (0..<count).map { Float((($0 + 1) * (2 * salt + 7919)) % 2003) / 400 - 2.5 }
  }

  static func error(_ actual: [Float], _ expected: [Double]) -> Double {
    zip(actual, expected).map { abs(Double($0) - $1) / max(abs($1), 1e-3) }.max() ?? .infinity
  }

  /// Every magnitude from the denormal to where nothing is left of the exponential.
  static let arguments: [Float] = {
    let magnitudes = (0..<4000).map { Float(pow(10, Double($0) / 4000 * 43 - 41)) }
    return magnitudes + magnitudes.map(-) + (0..<20_001).map { Float($0 - 10_000) / 1000 } + [0]
  }()

  @Test func functionsAreAccurateToAFewUnitsOfTheLastPlace() {
    let x = Self.arguments
    var (s, t) = (x, x)
    ak_recurrent_sigmoid(x, &s, x.count)
    ak_recurrent_tanh(x, &t, x.count)
    for i in x.indices {
      let exact = Double(x[i])
      // Below the smallest normal number nothing is promised; 87 is where the sigmoid stops.
      let sigmoid = 1 / (1 + exp(-min(max(exact, -87), 87)))
      #expect(abs(Double(s[i]) - sigmoid) <= 4e-7 * sigmoid, "sigmoid(\(x[i])) = \(s[i])")
      #expect(abs(Double(t[i]) - tanh(exact)) <= 4e-7 * abs(tanh(exact)) + 1e-44, "tanh(\(x[i])) = \(t[i])")
    }
  }

  @Test func whatIsNoNumberStaysSo() {
    let x: [Float] = [.nan, .infinity, -.infinity]
    var (s, t) = (x, x)
    ak_recurrent_sigmoid(x, &s, 3)
    ak_recurrent_tanh(x, &t, 3)
    #expect(s[0].isNaN && t[0].isNaN)
    #expect(s[1] == 1 && abs(s[2]) < 1e-37 && t[1] == 1 && t[2] == -1)
  }

  static func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

  /// One step forward in double precision of a row whose gates lie apart by `width`.
  static func step(
    _ kind: ak_recurrent_kind, _ a: (Int) -> Double, _ p: (Int) -> Double, _ h: Double, _ c: Double
  ) -> (h: Double, c: Double) {
    switch kind {
    case AK_RNN_TANH: return (tanh(a(0) + p(0)), 0)
    case AK_RNN_RELU: return (max(0, a(0) + p(0)), 0)
    case AK_LSTM:
      let cell = sigmoid(a(1) + p(1)) * c + sigmoid(a(0) + p(0)) * tanh(a(2) + p(2))
      return (sigmoid(a(3) + p(3)) * tanh(cell), cell)
    default:
      let (r, z) = (sigmoid(a(0) + p(0)), sigmoid(a(1) + p(1)))
      return ((1 - z) * tanh(a(2) + r * p(2)) + z * h, 0)
    }
  }

  /// Widths about a vector; the last is shared by threads.
  @Test(arguments: [(AK_RNN_TANH, 1), (AK_RNN_RELU, 1), (AK_LSTM, 4), (AK_GRU, 3)], [1, 15, 37, 2051])
  func oneStepForward(kind: (ak_recurrent_kind, Int), width: Int) {
    let (rows, gates) = (3, kind.1)
    let lengths: [Int32] = [5, 2, 3]
    let (a, p) = (Self.numbers(rows * gates * width, 1), Self.numbers(rows * gates * width, 2))
    let (h, c) = (Self.numbers(rows * width, 3), Self.numbers(rows * width, 4))
    var activated = a
    var (nextHidden, nextCell, output) = (h, c, h)
    activated.withUnsafeMutableBufferPointer { activated in
      p.withUnsafeBufferPointer { p in
        h.withUnsafeBufferPointer { h in
          c.withUnsafeBufferPointer { c in
            lengths.withUnsafeBufferPointer { lengths in
              nextHidden.withUnsafeMutableBufferPointer { nextHidden in
                nextCell.withUnsafeMutableBufferPointer { nextCell in
                  output.withUnsafeMutableBufferPointer { output in
                    var step = ak_recurrent_forward_step()
                    step.at = ak_recurrent_rows(
                      kind: kind.0, rows: rows, width: width, step: 2, lengths: lengths.baseAddress)
                    step.gates = activated.baseAddress
                    step.product = p.baseAddress
                    step.hidden = h.baseAddress
                    step.cell = c.baseAddress
                    step.next_hidden = nextHidden.baseAddress
                    step.next_cell = nextCell.baseAddress
                    step.output = output.baseAddress
                    ak_recurrent_forward(&step)
                  }
                }
              }
            }
          }
        }
      }
    }
    for row in 0..<rows {
      for column in 0..<width {
        let k = row * width + column
        if row == 1 {
          #expect(output[k] == 0 && nextHidden[k] == h[k] && nextCell[k] == c[k], "the second sequence has ended")
          continue
        }
        let expected = Self.step(
          kind.0, { Double(a[row * gates * width + $0 * width + column]) },
          { Double(p[row * gates * width + $0 * width + column]) }, Double(h[k]), Double(c[k]))
        #expect(abs(Double(output[k]) - expected.h) <= 2e-6, "row \(row), column \(column)")
        #expect(output[k] == nextHidden[k])
        if kind.0 == AK_LSTM { #expect(abs(Double(nextCell[k]) - expected.c) <= 2e-6) }
      }
    }
  }
}
