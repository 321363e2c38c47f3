// erf as a rational function of x^2 on [-4, 4], beyond which it is +-1 in f32 (the coefficients of
// Eigen's float erf); a few ulp of the true value.
fn erf(number: V) -> V {
    let x = clamp(number, V(-4.0), V(4.0));
    let s = x * x;
    var p = V(-2.72614225801306e-10);
    p = p * s + 2.77068142495902e-08;
    p = p * s - 2.10102402082508e-06;
    p = p * s - 5.69250639462346e-05;
    p = p * s - 7.34990630326855e-04;
    p = p * s - 2.95459980854025e-03;
    p = p * s - 1.60960333262415e-02;
    var q = V(-1.45660718464996e-05);
    q = q * s - 2.13374055278905e-04;
    q = q * s - 1.68282697438203e-03;
    q = q * s - 7.37332916720468e-03;
    q = q * s - 1.42647390514189e-02;
    return x * p / q;
}
