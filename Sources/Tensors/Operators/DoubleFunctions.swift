import AviaryPlatform

// The C library's functions of doubles, under names that no function of tensors has.

package func power(_ base: Double, _ exponent: Double) -> Double { pow(base, exponent) }
package func exponential(_ x: Double) -> Double { exp(x) }
package func logarithm(_ x: Double) -> Double { log(x) }
package func sine(_ x: Double) -> Double { sin(x) }
package func cosine(_ x: Double) -> Double { cos(x) }
package func logarithm10(_ x: Double) -> Double { log10(x) }
