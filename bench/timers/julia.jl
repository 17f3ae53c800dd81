# One run of FixedEffectModels.reg() on columns written by timers/external.R, which describes the
# output.
#
# usage: julia -t threads julia.jl folder y "x1 + x2" "indiv + firm" vcov threads
using DataFrames, FixedEffectModels, StatsModels

const FOLDER, Y, X, FE, VCOV, THREADS = ARGS

function read_column(name, kind)
    T = kind == "int32" ? Int32 : Float64
    path = joinpath(FOLDER, name * ".bin")
    values = Vector{T}(undef, div(filesize(path), sizeof(T)))
    read!(path, values)
    return ltoh.(values)
end

function read_columns()
    frame = DataFrame()
    for line in eachline(joinpath(FOLDER, "columns.txt"))
        name, kind = split(line)
        frame[!, Symbol(name)] = read_column(name, kind)
    end
    return frame
end

terms_of(joined) = Symbol.(split(joined, " + "))

function fit(frame)
    lhs = term(Symbol(Y))
    rhs = sum(term.(terms_of(X))) + sum(fe.(terms_of(FE)))
    v = VCOV == "iid" ? Vcov.simple() :
        VCOV == "HC1" ? Vcov.robust() : Vcov.cluster(terms_of(VCOV)...)
    return reg(frame, lhs ~ rhs, v; nthreads = parse(Int, THREADS))
end

data = read_columns()
fit(first(data, 5000))
GC.gc()
before = Sys.maxrss() / 2^20
seconds = @elapsed m = fit(data)
peak = Sys.maxrss() / 2^20
println("version ", pkgversion(FixedEffectModels))
println("seconds ", seconds)
println("peak_mb ", peak)
println("increment_mb ", peak - before)
println("coef ", join(coef(m), " "))
println("se ", join(stderror(m), " "))
