import AviaryTensors

enum EverydayFunctions {
  static let all: [String: EverydayGoldenTests.Operation] = [
    "function/rsqrt": one { rsqrt($0) }, "function/log1p": one { log1p($0) }, "function/expm1": one { expm1($0) },
    "function/log2": one { log2($0) }, "function/log10": one { log10($0) }, "function/sin": one { sin($0) },
    "function/cos": one { cos($0) }, "function/tan": one { tan($0) }, "function/asin": one { asin($0) },
    "function/acos": one { acos($0) }, "function/atan": one { atan($0) }, "function/sinh": one { sinh($0) },
    "function/cosh": one { cosh($0) }, "function/asinh": one { asinh($0) }, "function/acosh": one { acosh($0) },
    "function/atanh": one { atanh($0) }, "function/erf": one { erf($0) }, "function/erfc": one { erfc($0) },
    "function/reciprocal": one { reciprocal($0) },
    "step/floor": one { floor($0) * $0 }, "step/ceil": one { ceil($0) * $0 }, "step/round": one { round($0) * $0 },
    "step/trunc": one { trunc($0) * $0 }, "step/sign": one { sign($0) * $0 },
    "power/2.5": one { pow($0, 2.5) }, "power/3": one { pow($0, 3) }, "power/2": one { pow($0, 2) },
    "power/-1.5": one { pow($0, -1.5) }, "power/tensors": two { pow($0, $1) }, "power/base": one { pow(1.5, $0) },
    "pair/atan2": two { atan2($0, $1) }, "pair/remainder": two { $0 % $1 },
    "pair/remainder-of-number": one { $0 % 0.7 }, "pair/number-by-tensor": one { 3 / $0 },
    "pair/compound": two { x, y in
      var result = x
      result += y
      result *= y
      result -= 2
      result /= 4
      result -= y
      var quotient = x
      quotient /= y
      result += 1.5
      result *= 2
      result /= Tensor(2)
      return result - 1.5 + quotient
    },
    "clamp/min": one { $0.clamped(to: 0.3...) }, "clamp/max": one { $0.clamped(to: ...0.3) },
    "clamp/tensors": { $0["x"]!.clamped(from: $0["low"]!, through: $0["high"]!) },
    "where/broadcast": {
      let (x, other) = ($0["x"]!, $0["other"]!)
      return other.replacing(with: x, where: other .> 0)
    },
    "where/filled": one { $0.replacing(with: -3, where: $0 .< 0) },
  ]
}
